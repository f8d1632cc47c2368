"""Verify an index: every byte against its checksum, then every row against the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from densephrase.encoder.config import CONFIG_FILE
from densephrase.errors import IndexFormatError
from densephrase.index.column_spans import STRUCTURE
from densephrase.index.columns import checksum_columns
from densephrase.index.index_reader import IndexReader
from densephrase.index.list_checks import list_problems, term_problems
from densephrase.index.manifest import SEGMENTS_FOLDER, EncoderRecord, FileRecord, Manifest, SegmentRecord
from densephrase.index.own_encoder import is_calibrated_again
from densephrase.index.shard_checks import shard_problems


def verify(path: str | Path) -> list[str]:
    """Return every problem of the index at `path`, naming file, column and row; an empty list means none.

    Reads the whole index. Never raises because of damage: a manifest that cannot be read is a problem too.
    """
    path = Path(path)
    try:
        manifest = Manifest.load(path)
    except IndexFormatError as error:
        return [str(error)]
    problems = [*_encoder_problems(path, manifest.encoder)]
    for record in manifest.files:
        problems += (f"{record.file}: {problem}" for problem in _file_problems(path / record.file, record))
    for segment in manifest.segments:
        problems += _byte_problems(path, segment)
    problems += _unknown_files(path, manifest)
    # Rows of damaged files would only repeat in other words that the bytes are wrong.
    return problems or list(_row_problems(path))


def _encoder_problems(path: Path, record: EncoderRecord) -> Iterator[str]:
    for name, checksum in record.files.items():
        file_path = path / record.path / name
        if not file_path.is_file():
            yield f"{record.path}/{name}: the file is missing"
            continue
        with file_path.open("rb") as file:
            differs = hashlib.file_digest(file, "sha256").hexdigest() != checksum
        if differs and not (name == CONFIG_FILE and is_calibrated_again(path / record.path, record)):
            yield f"{record.path}/{name}: the bytes do not match their checksum"


def _byte_problems(path: Path, segment: SegmentRecord) -> Iterator[str]:
    for record in segment.files:
        name = f"{SEGMENTS_FOLDER}/{segment.name}/{record.file}"
        yield from (f"{name}: {problem}" for problem in _file_problems(path / name, record))


def _file_problems(path: Path, record: FileRecord) -> Iterator[str]:
    if not path.is_file():
        yield "the file is missing"
        return
    if path.stat().st_size != record.bytes:
        yield f"the file has {path.stat().st_size} bytes, expected {record.bytes}"
    try:
        found = checksum_columns(path)
    except IndexFormatError as error:
        yield f"the bytes outside its columns are damaged: {error}"
        return
    for column, checksum in record.checksums.items():
        if found.get(column) != checksum:
            what = "the bytes outside its columns do" if column == STRUCTURE else f"column {column!r} does"
            yield f"{what} not match the checksum"
    for column in set(found) - set(record.checksums):
        yield f"column {column!r} is not in the manifest"


def _unknown_files(path: Path, manifest: Manifest) -> Iterator[str]:
    known = {path / manifest.encoder.path / name for name in manifest.encoder.files}
    for segment in manifest.segments:
        known |= {path / SEGMENTS_FOLDER / segment.name / record.file for record in segment.files}
    for folder in (SEGMENTS_FOLDER, manifest.encoder.path):
        for found in sorted((path / folder).rglob("*")):
            if not found.is_dir() and found not in known:
                yield f"{found.relative_to(path)}: the file is not part of the index"


def _row_problems(path: Path) -> Iterator[str]:
    try:
        reader = IndexReader.open(path)
    except IndexFormatError as error:
        yield str(error)
        return
    seen_ids: dict[str, str] = {}
    for shard in reader.shards:
        name = shard.path.relative_to(path)
        yield from (f"{name}: {problem}" for problem in shard_problems(shard, seen_ids))
    segment = reader.manifest.segments[0]
    folder = f"{SEGMENTS_FOLDER}/{segment.name}"
    yield from (f"{folder}/{segment.terms.file.file}: {problem}" for problem in term_problems(reader.terms))
    if reader.lists is not None:
        problems = list_problems(reader.lists, reader.shards, reader.bases.starts)
        yield from (f"{reader.lists.path.relative_to(path)}: {problem}" for problem in problems)
