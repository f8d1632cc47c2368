"""Check every byte of an index against its checksum, whatever the bytes mean; collect what checks of rows find."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from densephrase.encoder.config import CONFIG_FILE
from densephrase.errors import IndexFormatError
from densephrase.index.format.index_parts import EncoderRecord, FileRecord
from densephrase.index.format.manifest_file import SEGMENTS_FOLDER
from densephrase.index.format.own_encoder import is_calibrated_again
from densephrase.storage.column_spans import STRUCTURE
from densephrase.storage.columns import checksum_columns
from densephrase.storage.regular_file import file_problem, reason

_MOST_ENCODER_BYTES = 16 << 30  # of a file: the largest encoders take a tenth of it


def byte_problems(
    path: Path,
    encoder: EncoderRecord | None,
    files: Sequence[FileRecord],
    segments: Mapping[str, Sequence[FileRecord]],
) -> Iterator[str]:
    """Yield what of an index is missing, is not what its record says, or is not part of it.

    files: those of columns that lie beside the manifest; `segments`: those of each segment, by its name.
    """
    if encoder is not None:
        yield from _encoder_problems(path, encoder)
    for record in files:
        yield from (f"{record.file}: {problem}" for problem in _file_problems(path / record.file, record))
    for segment, members in segments.items():
        for record in members:
            name = f"{SEGMENTS_FOLDER}/{segment}/{record.file}"
            yield from (f"{name}: {problem}" for problem in _file_problems(path / name, record))
    if encoder is not None:
        yield from _unknown_names(path, Path(encoder.path), set(encoder.files))
    yield from _unknown_names(path, Path(SEGMENTS_FOLDER), set(segments))
    for segment, members in segments.items():
        yield from _unknown_names(path, Path(SEGMENTS_FOLDER, segment), {record.file for record in members})


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


def found_in_rows(path: Path, problems: Iterator[str]) -> list[str]:
    """Return what checks of the rows of an index yield, and the error that ends them as one more problem."""
    found: list[str] = []
    try:
        for problem in problems:
            found.append(problem)  # those before an error count too
    except IndexFormatError as error:
        found.append(str(error))
    except Exception as error:  # no check foresees all that numbers which don't fit each other do to the next one
        found.append(f"{path}: the rows cannot be checked ({type(error).__name__}: {error}); rebuild the index")
    return found
