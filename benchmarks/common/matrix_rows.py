"""Rows of one array, from which inverted lists are built as from the shards of an index."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.lists import code_rows


class MatrixRows:
    """The rows of one array, int8 [N, row_size], which may be mapped from a file: `CodeRows` of the build."""

    def __init__(self, codes: NDArray[np.int8]) -> None:
        self._codes = codes

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self._codes)

    def chunks(self) -> Iterator[tuple[int, NDArray[np.int8]]]:
        """Yield (first row, codes int8 [rows, row_size])."""
        for first in range(0, len(self._codes), code_rows.ROWS_AT_ONCE):
            yield first, self._codes[first : first + code_rows.ROWS_AT_ONCE]
