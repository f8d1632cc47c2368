"""Change an index of passages in a way that its checksums don't show, as someone who means harm would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from densephrase.index.format.index_parts import FileRecord
from densephrase.index.passages.passage_manifest import PassageManifest, PassageSegment
from densephrase.storage.columns import map_columns, write_columns


def rewrite_passages(
    index: Path, name: str, change: Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray]]
) -> None:
    """Replace the columns of a file by `change(columns)` and put the new checksums into the manifest."""
    manifest = PassageManifest.load(index)
    (segment,) = manifest.segments
    path = index / "segments" / segment.name / name
    mapped = map_columns(path)
    columns = {column: values.copy() for column, values in mapped.items()}
    record = FileRecord.of(path, write_columns(path, change(columns), mapped.attributes))
    replace(manifest, segments=(_with_file(segment, record),)).save(index)


def _with_file(segment: PassageSegment, record: FileRecord) -> PassageSegment:
    shards = tuple(replace(shard, file=record) if shard.file.file == record.file else shard for shard in segment.shards)
    terms = replace(segment.terms, file=record) if segment.terms.file.file == record.file else segment.terms
    is_ann = segment.ann.file is not None and segment.ann.file.file == record.file
    ann = replace(segment.ann, file=record) if is_ann else segment.ann
    vectors = segment.vectors
    if vectors is not None and vectors.file.file == record.file:
        vectors = replace(vectors, file=record)
    return replace(segment, shards=shards, terms=terms, ann=ann, vectors=vectors)
