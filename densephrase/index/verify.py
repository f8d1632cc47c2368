"""Verify an index: every byte against its checksum, then every row against the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from densephrase.errors import IndexFormatError
from densephrase.index.format.byte_checks import byte_problems, found_in_rows
from densephrase.index.format.manifest import Manifest
from densephrase.index.format.manifest_file import PASSAGES, SEGMENTS_FOLDER, index_kind
from densephrase.index.index_reader import IndexReader
from densephrase.index.lists.list_checks import start_list_problems, term_problems
from densephrase.index.passages.passage_checks import verify_passages
from densephrase.index.shards.shard_checks import shard_problems


def verify(path: str | Path) -> list[str]:
    """Return every problem of the index at `path`, naming file, column and row; an empty list means none.

    The index is one of phrases or of passages. Reads all of it. Never raises because of damage: a manifest that cannot
    be read is a problem too.
    """
    path = Path(path)
    if index_kind(path) == PASSAGES:
        return verify_passages(path)
    try:
        manifest = Manifest.load(path)
    except IndexFormatError as error:
        return [str(error)]
    segments = {segment.name: segment.files for segment in manifest.segments}
    problems = list(byte_problems(path, manifest.encoder, manifest.files, segments))
    # Rows of damaged files would only repeat in other words that the bytes are wrong.
    return problems or found_in_rows(path, _row_problems(path))


def _row_problems(path: Path) -> Iterator[str]:
    reader = IndexReader.open(path)
    path = reader.path  # resolved, as the paths of its files are
    seen_ids: dict[str, str] = {}
    for shard in reader.shards:
        name = shard.path.relative_to(reader.path)
        yield from (f"{name}: {problem}" for problem in shard_problems(shard, seen_ids))
    segment = reader.manifest.segments[0]
    folder = f"{SEGMENTS_FOLDER}/{segment.name}"
    yield from (f"{folder}/{segment.terms.file.file}: {problem}" for problem in term_problems(reader.terms))
    if reader.lists is not None:
        problems = start_list_problems(reader.lists, reader.shards, reader.bases.starts)
        yield from (f"{reader.lists.path.relative_to(reader.path)}: {problem}" for problem in problems)
