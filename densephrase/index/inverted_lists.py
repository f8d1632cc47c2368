"""Inverted lists over start vectors: each row in the list of its nearest centroid, codes copied list by list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.columns import map_columns
from densephrase.index.manifest import Quantisation


@dataclass(frozen=True, slots=True, eq=False)
class InvertedLists:
    """List l holds the start rows `ids[list_ptr[l]:list_ptr[l + 1]]`, ascending, with their first V codes beside them.

    centroids float32 [L, V], list_ptr int64 [L + 1], ids int64 [N] (start rows of the segment), codes int8 [N, V].
    """

    path: Path
    centroids: NDArray[np.float32]
    list_ptr: NDArray[np.int64]
    ids: NDArray[np.int64]
    codes: NDArray[np.int8]

    @classmethod
    def open(cls, path: Path, lists: int, starts: int, quantisation: Quantisation) -> InvertedLists:
        """Map ann.h5 after checking that its `lists` lists divide the segment's `starts` rows.

        Raises:
            IndexFormatError: if a column is missing, does not fit, or names rows that do not exist.
        """
        columns = map_columns(path)
        size = quantisation.vector_size
        opened = cls(
            path,
            columns.require("centroids", "float32", (lists, size)),
            columns.require("list_ptr", "int64", (lists + 1,)),
            columns.require("ids", "int64", (starts,)),
            columns.require("codes", "int8", (starts, size)),
        )
        opened._check(starts)
        return opened

    def _check(self, starts: int) -> None:
        ptr = self.list_ptr
        if ptr[0] != 0 or ptr[-1] != starts or np.any(ptr[1:] < ptr[:-1]):
            raise IndexFormatError(f"{self.path}: column 'list_ptr' does not divide {starts} rows; rebuild the index")
        if starts and not 0 <= self.ids.min() <= self.ids.max() < starts:
            raise IndexFormatError(f"{self.path}: column 'ids' names rows outside 0 to {starts - 1}; rebuild the index")
