"""Verify an index of passages: every byte against its checksum, then every row against the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from densephrase.errors import IndexFormatError
from densephrase.index.format.byte_checks import byte_problems, found_in_rows
from densephrase.index.format.manifest_file import SEGMENTS_FOLDER
from densephrase.index.lists.list_checks import list_problems, term_problems
from densephrase.index.passages.passage_manifest import PassageManifest
from densephrase.index.passages.passage_reader import PassageReader
from densephrase.index.passages.passage_vectors import PassageVectors
from densephrase.index.shards.shard_checks import text_problems

_ROWS_AT_ONCE = 262_144


def verify_passages(path: str | Path) -> list[str]:
    """Return every problem of the index of passages at `path`, as `densephrase.index.verify.verify` does."""
    path = Path(path)
    try:
        manifest = PassageManifest.load(path)
    except IndexFormatError as error:
        return [str(error)]
    segments = {segment.name: segment.files for segment in manifest.segments}
    problems = list(byte_problems(path, manifest.encoder, (), segments))
    # Rows of damaged files would only repeat in other words that the bytes are wrong.
    return problems or found_in_rows(path, _row_problems(path))


def _row_problems(path: Path) -> Iterator[str]:
    reader = PassageReader.open(path)
    seen_ids: dict[str, str] = {}
    for shard in reader.shards:
        name = shard.path.relative_to(reader.path)
        yield from (f"{name}: {problem}" for problem in text_problems(shard, seen_ids))
    segment = reader.manifest.segments[0]
    folder = f"{SEGMENTS_FOLDER}/{segment.name}"
    yield from (f"{folder}/{segment.terms.file.file}: {problem}" for problem in term_problems(reader.terms))
    vectors = reader.vectors
    if vectors is None:
        return
    yield from (f"{vectors.path.relative_to(reader.path)}: {problem}" for problem in _code_problems(vectors))
    if vectors.lists is not None:
        problems = list_problems(vectors.lists, reader.count, "passage", vectors.codes_of)
        yield from (f"{vectors.lists.path.relative_to(reader.path)}: {problem}" for problem in problems)


def _code_problems(vectors: PassageVectors) -> Iterator[str]:
    for first in range(0, len(vectors.codes), _ROWS_AT_ONCE):
        wrong = (vectors.codes[first : first + _ROWS_AT_ONCE] == -128).any(1)
        if wrong.any():
            yield f"column 'codes', row {first + int(np.argmax(wrong))}: -128 is no code of the quantiser"
            return
