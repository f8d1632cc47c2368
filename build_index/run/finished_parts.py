"""Recognise the parts of an index that an earlier run completed: by their record, and by every byte."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol, TypeVar

from densephrase.build_index.run.build_state import BuildState
from densephrase.build_index.run.progress import ProgressCounter
from densephrase.errors import IndexFormatError
from densephrase.index.format.index_parts import FileRecord
from densephrase.storage.columns import checksum_columns


class RecordOfFile(Protocol):
    """What records that a part is complete, and the file that it is."""

    @property
    def file(self) -> FileRecord:
        """The file."""


_Record = TypeVar("_Record", bound=RecordOfFile)
SEGMENT = "000001"  # the name of the first
_logger = logging.getLogger(__name__)


def shard_name(number: int) -> str:
    """Return the name of a shard's record, and of its file without the suffix."""
    return f"shard-{number:05d}"


def finished_shards(
    state: BuildState, kind: type[_Record], segment: Path, shards: int, counter: ProgressCounter
) -> dict[int, _Record]:
    """Return the records, of one kind, of the shards that are complete and undamaged, by number."""
    recorded = {number: state.read(shard_name(number), kind) for number in range(shards)}
    records = {number: record for number, record in recorded.items() if record is not None}
    if records:
        counter.enter("checking finished shards", total=len(records))
    finished = {}
    for number, record in records.items():
        if is_intact(segment, record.file):
            finished[number] = record
        counter.advance(1)
    return finished


def is_intact(segment: Path, record: FileRecord) -> bool:
    """Tell whether a file has the bytes that its record says; warn where it has not."""
    try:
        if checksum_columns(segment / record.file) == record.checksums:
            return True
        _logger.warning("%s does not match its checksums; that part is built again", segment / record.file)
    except IndexFormatError as error:
        _logger.warning("%s; that part is built again", error)
    return False
