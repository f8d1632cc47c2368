"""Verify an index: every byte against its checksum, then every row against the others."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from densephrase.encoder.config import CONFIG_FILE
from densephrase.errors import IndexFormatError
from densephrase.index.format.index_parts import EncoderRecord, FileRecord, SegmentRecord
from densephrase.index.format.manifest import SEGMENTS_FOLDER, Manifest
from densephrase.index.index_reader import IndexReader
from densephrase.index.lists.list_checks import list_problems, term_problems
from densephrase.index.own_encoder import is_calibrated_again
from densephrase.index.shards.shard_checks import shard_problems
from densephrase.storage.column_spans import STRUCTURE
from densephrase.storage.columns import checksum_columns
from densephrase.storage.regular_file import file_problem, reason

_MOST_ENCODER_BYTES = 16 << 30  # of a file: the largest encoders take a tenth of it


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
    return problems or _row_problems(path)


def _encoder_problems(path: Path, record: EncoderRecord) -> Iterator[str]:
    for name, checksum in record.files.items():
        file_path = path / record.path / name
        if problem := file_problem(file_path):
            yield f"{record.path}/{name}: {problem}"
            continue
        size = file_path.stat().st_size
        if size > _MOST_ENCODER_BYTES:  # there may be no end of them
            yield f"{record.path}/{name}: the file has {size} bytes, expected at most {_MOST_ENCODER_BYTES}"
            continue
        try:
            with file_path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            yield f"{record.path}/{name}: the file cannot be read ({reason(error)})"
            continue
        if found != checksum and not (name == CONFIG_FILE and is_calibrated_again(path / record.path, record)):
            yield f"{record.path}/{name}: the bytes do not match their checksum"


def _byte_problems(path: Path, segment: SegmentRecord) -> Iterator[str]:
    for record in segment.files:
        name = f"{SEGMENTS_FOLDER}/{segment.name}/{record.file}"
        yield from (f"{name}: {problem}" for problem in _file_problems(path / name, record))


def _file_problems(path: Path, record: FileRecord) -> Iterator[str]:
    if problem := file_problem(path):
        yield problem
        return
    size = path.stat().st_size
    if size != record.bytes:
        yield f"the file has {size} bytes, expected {record.bytes}"
    if size > record.bytes:
        return  # there may be no end of them
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
    yield from _unknown_names(path, Path(manifest.encoder.path), set(manifest.encoder.files))
    yield from _unknown_names(path, Path(SEGMENTS_FOLDER), {segment.name for segment in manifest.segments})
    for segment in manifest.segments:
        known = {record.file for record in segment.files}
        yield from _unknown_names(path, Path(SEGMENTS_FOLDER, segment.name), known)


def _unknown_names(path: Path, folder: Path, known: set[str]) -> Iterator[str]:
    """Yield what lies in a folder of the index beside what is known; no other folder is looked into."""
    try:
        found = sorted(os.listdir(path / folder))
    except (FileNotFoundError, NotADirectoryError):
        return  # then its files are missing
    except OSError as error:
        yield f"{folder}: the folder cannot be read ({reason(error)})"
        return
    for name in found:
        if name not in known:
            kind = "folder" if (path / folder / name).is_dir() else "file"
            yield f"{folder / name}: the {kind} is not part of the index"


def _row_problems(path: Path) -> list[str]:
    problems: list[str] = []
    try:
        for problem in _found_in_rows(path):
            problems.append(problem)  # those before an error count too
    except IndexFormatError as error:
        problems.append(str(error))
    except Exception as error:  # no check foresees all that numbers which don't fit each other do to the next one
        problems.append(f"{path}: the rows cannot be checked ({type(error).__name__}: {error}); rebuild the index")
    return problems


def _found_in_rows(path: Path) -> Iterator[str]:
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
        problems = list_problems(reader.lists, reader.shards, reader.bases.starts)
        yield from (f"{reader.lists.path.relative_to(reader.path)}: {problem}" for problem in problems)
