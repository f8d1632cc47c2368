"""Write a file of columns whose sizes are known beforehand, in any order of rows.

HDF5 lays the file out and is closed; the rows are then written at their byte offsets. The file gets its name when it is
complete and on the disk. It carries no times, so that equal columns give equal files.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from densephrase.storage.atomic_file import publish, temporary_path
from densephrase.storage.column_spans import ALIGNMENT, COLUMN_TYPES, ColumnSpan, checksum_spans

Layout = Mapping[str, tuple[tuple[int, ...], "np.dtype[Any] | str"]]


class ColumnWriter:
    """Write the columns of `layout` (name -> shape, dtype); without `finish` nothing is left behind.

    Raises:
        ValueError: if a dtype is none of `COLUMN_TYPES`.
    """

    def __init__(self, path: Path, layout: Layout, attributes: Mapping[str, str | int | float]) -> None:
        self._path = Path(path)
        self._temporary = temporary_path(self._path)
        self._layout = {name: (shape, _column_type(name, dtype)) for name, (shape, dtype) in layout.items()}
        self._offsets = _lay_out(self._temporary, self._layout, attributes)
        self._file = self._temporary.open("r+b")
        self._map: mmap.mmap | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map = None
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def write(self, name: str, row: int, rows: np.ndarray) -> None:
        """Write `rows` into column `name` from `row` on."""
        shape, dtype = self._layout[name]
        if rows.shape[1:] != shape[1:] or row < 0 or row + len(rows) > shape[0]:
            raise ValueError(f"rows of shape {rows.shape} at row {row} do not fit column {name!r} of shape {shape}")
        if rows.size:
            data = np.ascontiguousarray(rows, dtype=dtype)
            self._file.seek(self._offsets[name] + row * (data.nbytes // len(data)))
            self._file.write(data.data)

    def map(self, name: str) -> np.ndarray:
        """Return column `name` as a writable array of the file, for rows that come in no order.

        Call `release` now and then, or the whole column stays in this process's memory.
        """
        shape, dtype = self._layout[name]
        if not np.prod(shape):
            return np.empty(shape, dtype)
        if self._map is None:
            self._file.flush()
            _reserve(self._file.fileno())
            self._map = mmap.mmap(self._file.fileno(), 0)
        return np.ndarray(shape, dtype, buffer=self._map, offset=self._offsets[name])

    def release(self) -> None:
        """Let mapped pages leave this process's memory; what was written to them is kept by the file."""
        if self._map is not None and hasattr(self._map, "madvise"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def finish(self) -> dict[str, str]:
        """Put the file on the disk under its name.

        Returns the sha256 of each column's bytes and, under `STRUCTURE`, of all other bytes of the file.
        """
        if self._map is not None:
            self._map.flush()
        self._file.flush()
        os.fsync(self._file.fileno())
        spans = {name: ColumnSpan(self._offsets[name], *layout) for name, layout in self._layout.items()}
        checksums = checksum_spans(self._temporary, spans)
        publish(self._path)
        return checksums


def _column_type(name: str, dtype: np.dtype[Any] | str) -> np.dtype[Any]:
    dtype = np.dtype(dtype)
    if dtype.str not in COLUMN_TYPES:
        raise ValueError(f"column {name!r} has type {dtype.str}; expected one of {', '.join(COLUMN_TYPES)}")
    return dtype


def _lay_out(
    path: Path, layout: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]], attributes: Mapping[str, str | int | float]
) -> dict[str, int]:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_alignment(1, ALIGNMENT)
    # Fixed, because the newest format would depend on the HDF5 version; from 1.8 on, headers carry checksums.
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V18)
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    offsets = {}
    with h5py.File(h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_TRUNC, creation, access)) as file:
        for name, value in attributes.items():
            file.attrs[name] = np.array(value.encode() or b"\0") if isinstance(value, str) else value
        for name, (shape, dtype) in layout.items():
            offsets[name] = _lay_out_column(file, name, shape, dtype)
    return offsets


def _lay_out_column(file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.CONTIGUOUS)
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    creation.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    creation.set_obj_track_times(False)
    space = h5py.h5s.create_simple(shape)
    dataset = h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(dtype), space, creation)
    return int(dataset.get_offset() or 0)


def _reserve(descriptor: int) -> None:
    """Claim the file's blocks: a full disk is an OSError here, but a crash (SIGBUS) when met through a map."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, os.fstat(descriptor).st_size)
