"""Change an index in a way that its checksums don't show, as someone who means harm would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from densephrase.index.format.index_parts import FileRecord, SegmentRecord
from densephrase.index.format.manifest import Manifest
from densephrase.storage.columns import map_columns, write_columns

Columns = dict[str, np.ndarray]


def rewrite(index: Path, name: str, change: Callable[[Columns], Mapping[str, np.ndarray]]) -> None:
    """Replace the columns of a file by `change(columns)` and put the new checksums into the manifest."""
    manifest = Manifest.load(index)
    (segment,), codebooks = manifest.segments, manifest.quantisation.codebooks
    is_codebooks = codebooks is not None and codebooks.file == name
    path = index / name if is_codebooks else index / "segments" / segment.name / name
    mapped = map_columns(path)
    columns = {column: values.copy() for column, values in mapped.items()}
    checksums = write_columns(path, change(columns), mapped.attributes)
    record = FileRecord(name, path.stat().st_size, checksums)
    if is_codebooks:
        replace(manifest, quantisation=replace(manifest.quantisation, codebooks=record)).save(index)
    else:
        replace(manifest, segments=(_with_file(segment, record),)).save(index)


def _with_file(segment: SegmentRecord, record: FileRecord) -> SegmentRecord:
    shards = tuple(replace(shard, file=record) if shard.file.file == record.file else shard for shard in segment.shards)
    terms = replace(segment.terms, file=record) if segment.terms.file.file == record.file else segment.terms
    is_ann = segment.ann.file is not None and segment.ann.file.file == record.file
    ann = replace(segment.ann, file=record) if is_ann else segment.ann
    ends = record if segment.ends is not None and segment.ends.file == record.file else segment.ends
    return replace(segment, shards=shards, terms=terms, ann=ann, ends=ends)


def setting(column: str, row: int, value: int) -> Callable[[Columns], Columns]:
    """Return a change that sets one value of a column."""

    def change(columns: Columns) -> Columns:
        columns[column][row] = value
        return columns

    return change


def casting(column: str, dtype: str) -> Callable[[Columns], Columns]:
    """Return a change of a column's type."""
    return lambda columns: {**columns, column: columns[column].astype(dtype)}


def cutting(column: str) -> Callable[[Columns], Columns]:
    """Return a change that takes away a column's last row."""
    return lambda columns: {**columns, column: columns[column][:-1]}


def dropping(column: str) -> Callable[[Columns], Columns]:
    """Return a change that takes a column away."""
    return lambda columns: {name: values for name, values in columns.items() if name != column}
