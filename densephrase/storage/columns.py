"""Columns on disk: one flat, contiguous, aligned HDF5 dataset each, read as arrays of one memory map.

HDF5 is the container; neither values nor checksums pass through it, so that search never waits for its lock.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np

from densephrase.errors import IndexFormatError
from densephrase.storage.column_spans import ALIGNMENT, COLUMN_TYPES, STRUCTURE, ColumnSpan, checksum_spans
from densephrase.storage.column_writer import ColumnWriter
from densephrase.storage.regular_file import check_file, reason

__all__ = ["STRUCTURE", "MappedColumns", "checksum_columns", "map_columns", "write_columns"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_ITEMS = 1 << 50
_LONGEST_TEXT = 4096  # bytes of an attribute


class MappedColumns(Mapping[str, np.ndarray]):
    """The columns of a file as read-only arrays that share one memory map; nothing is read before it is used."""

    def __init__(self, path: Path, attributes: dict[str, str | int | float], spans: dict[str, ColumnSpan]) -> None:
        self.path = path
        self.attributes = attributes
        self.spans = spans
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._arrays = {name: _view(self._map, span) for name, span in spans.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            raise IndexFormatError(
                f"{self.path}: there is no column {name!r}; found: {', '.join(sorted(self._arrays))}"
            )
        return self._arrays[name]

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def require(self, name: str, dtypes: str | Sequence[str], shape: tuple[int | None, ...]) -> np.ndarray:
        """Return the column `name` after checking its dtype, one of those given, and its shape (None: any length).

        Raises:
            IndexFormatError: if the column is missing or of another type or shape.
        """
        column = self[name]
        fits = len(shape) == column.ndim and all(n is None or n == m for n, m in zip(shape, column.shape, strict=True))
        expected = (dtypes,) if isinstance(dtypes, str) else tuple(dtypes)
        if column.dtype not in tuple(map(np.dtype, expected)) or not fits:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise IndexFormatError(
                f"{self.path}: column {name!r} is {column.dtype} {column.shape}, expected {' or '.join(expected)} "
                f"({wanted}); "
                "the file is damaged or of another format version, rebuild the index"
            )
        return column

    def expect_random(self) -> None:
        """Tell the system that rows are read here and there: what is not in memory is read without what follows it."""
        if hasattr(self._map, "madvise") and hasattr(mmap, "MADV_RANDOM"):
            self._map.madvise(mmap.MADV_RANDOM)

    def release(self) -> None:
        """Let the pages read so far leave this process's memory; the arrays stay valid."""
        if hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)


def write_columns(
    path: Path, columns: Mapping[str, np.ndarray], attributes: Mapping[str, str | int | float]
) -> dict[str, str]:
    """Write `columns` to `path` in one step: a reader finds the old file or the complete new one.

    Returns the sha256 of each column's bytes and, under `STRUCTURE`, of all other bytes of the file.
    """
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    layout = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    with ColumnWriter(path, layout, attributes) as writer:
        for name, array in arrays.items():
            writer.write(name, 0, array)
        return writer.finish()


def map_columns(path: Path) -> MappedColumns:
    """Map the columns of `path` for reading, after checking that each lies inside the file.

    Raises:
        IndexFormatError: if the file is missing, is not HDF5, or holds anything but plain columns.
    """
    path = Path(path)
    check_file(path)
    try:
        with h5py.File(path, "r", locking=False) as file:
            attributes = {name: _attribute(path, file, name) for name in file.attrs}
            spans = {name: _span(path, file, name) for name in file}
    except IndexFormatError:
        raise
    except Exception as error:  # h5py has no class of its own, and wraps whatever its C library says of damaged bytes
        raise IndexFormatError(f"{path}: not a readable HDF5 file ({reason(error)}); rebuild the index") from error
    try:
        _check_extent(path, spans)
        return MappedColumns(path, attributes, spans)
    except (OSError, TypeError) as error:  # no room for one more map, or the file has become shorter meanwhile
        raise IndexFormatError(f"{path}: the file cannot be mapped ({reason(error)})") from error


def checksum_columns(path: Path) -> dict[str, str]:
    """Return the sha256 of each column of `path` and of the bytes outside them, as `write_columns` does.

    Raises:
        IndexFormatError: as `map_columns` does, and if the file cannot be read to its end.
    """
    path = Path(path)
    try:
        return checksum_spans(path, map_columns(path).spans)
    except OSError as error:
        raise IndexFormatError(f"{path}: the file cannot be read ({reason(error)})") from error


def _view(mapped: mmap.mmap, span: ColumnSpan) -> np.ndarray:
    if not span.bytes:
        empty: np.ndarray = np.empty(span.shape, span.dtype)
        empty.flags.writeable = False
        return empty
    return np.ndarray(span.shape, span.dtype, buffer=mapped, offset=span.offset)


def _attribute(path: Path, file: h5py.File, name: str) -> str | int | float:
    attribute = h5py.h5a.open(file.id, name.encode())
    # Text of variable length lies in a heap without checksums, where damage can keep HDF5 busy for ever: never read it.
    if attribute.shape != () or attribute.dtype.kind not in "Sif" or attribute.dtype.itemsize > _LONGEST_TEXT:
        raise IndexFormatError(f"{path}: attribute {name!r} is {attribute.dtype}, expected a short text or a number")
    value = file.attrs[name].item()
    return value.decode() if isinstance(value, bytes) else value


def _span(path: Path, file: h5py.File, name: str) -> ColumnSpan:
    dataset = file[name] if isinstance(file.get(name, getlink=True), h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset) or not _NAME.fullmatch(name):
        raise IndexFormatError(f"{path}: {name!r} is not a column; only plain datasets at the root are expected")
    if dataset.chunks or dataset.external or dataset.is_virtual or dataset.shape is None:
        raise IndexFormatError(f"{path}: column {name!r} is chunked, virtual or stored outside; expected contiguous")
    dtype = dataset.dtype
    if dtype.str not in COLUMN_TYPES:
        raise IndexFormatError(
            f"{path}: column {name!r} has type {dtype.str}; expected one of {', '.join(COLUMN_TYPES)}"
        )
    span = ColumnSpan(0, tuple(int(length) for length in dataset.shape), dtype)
    if math.prod(max(1, length) for length in span.shape) > _MOST_ITEMS:
        raise IndexFormatError(f"{path}: column {name!r} claims an impossible shape, {span.shape}")
    offset = dataset.id.get_offset() if span.bytes else 0
    if offset is None:
        raise IndexFormatError(f"{path}: column {name!r} has no contiguous storage")
    return ColumnSpan(int(offset), span.shape, dtype)


def _check_extent(path: Path, spans: Mapping[str, ColumnSpan]) -> None:
    size = path.stat().st_size
    end = 0
    for name, span in sorted(spans.items(), key=lambda item: item[1].offset):
        if not span.bytes:
            continue
        if span.offset < end or span.offset % ALIGNMENT or span.offset + span.bytes > size:
            raise IndexFormatError(
                f"{path}: column {name!r} claims bytes {span.offset} to {span.offset + span.bytes} of a file of {size} "
                f"bytes (misaligned, overlapping or beyond the end); the file is damaged, rebuild the index"
            )
        end = span.offset + span.bytes
