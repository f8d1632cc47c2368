"""Rows of codes to build inverted lists from: read in order from the shards, without staying in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from densephrase.storage.columns import map_columns

ROWS_AT_ONCE = 65_536


class CodeRows(Protocol):
    """Rows of codes that can be read from the first to the last, again and again."""

    @property
    def count(self) -> int:
        """Number of rows."""

    def chunks(self) -> Iterator[tuple[int, NDArray[np.int8]]]:
        """Yield (number of the first row, codes int8 [rows, row_size]), the rows in order."""


class SegmentRows:
    """The rows of all files of a segment: start rows, or those of another column of codes."""

    def __init__(self, files: Sequence[Path], column: str = "start_codes") -> None:
        self._columns = [map_columns(path) for path in files]
        self._name = column
        self._bases = np.cumsum([0, *(len(columns[self._name]) for columns in self._columns)])

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self._bases[-1])

    def chunks(self) -> Iterator[tuple[int, NDArray[np.int8]]]:
        """Yield (first row, codes int8 [rows, row_size]); chunks never cross files."""
        for base, columns in zip(self._bases[:-1], self._columns, strict=True):
            codes = columns[self._name]
            for first in range(0, len(codes), ROWS_AT_ONCE):
                yield int(base) + first, codes[first : first + ROWS_AT_ONCE]
                columns.release()


def choose_places(count: int, size: int, seed: int) -> NDArray[np.int64]:
    """Return the places of `size` of `count` rows drawn without repetition, ascending."""
    return np.sort(np.random.default_rng(seed).choice(count, size, replace=False, shuffle=False))


def sample_rows(rows: CodeRows, size: int, columns: int, seed: int) -> NDArray[np.int8]:
    """Return the first `columns` codes of `size` rows drawn without repetition, int8, in the order of the rows."""
    chosen = choose_places(rows.count, size, seed)
    sample: NDArray[np.int8] = np.empty((size, columns), np.int8)
    for first, codes in rows.chunks():
        low, high = np.searchsorted(chosen, (first, first + len(codes)))
        sample[low:high] = codes[chosen[low:high] - first, :columns]
    return sample
