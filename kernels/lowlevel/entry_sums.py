"""Sums of what the bytes of a product-quantised row add to its columns."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.lowlevel.form import lowered
from densephrase.kernels.types import Codes

COLUMN_LANES = 16  # columns that are added up at once

# What each byte adds to a row's columns, int16 [G, 256, r], r a multiple of COLUMN_LANES; without groups, columns are
# codes themselves.
Entries: TypeAlias = NDArray[np.int16]
Values: TypeAlias = NDArray[np.int16]


@lowered("entry_sums")
def add_entries(codes: Codes, row: int, entries: Entries, values: Values) -> None:
    """Write the columns that a row stands for to `values` int16[r]: the sums of what its bytes add.

    `codes` int8[N, at least G]; all are contiguous, and no sum leaves 16 bits.
    """
    values[:] = 0
    for group in range(entries.shape[0]):
        values += entries[group, np.uint8(codes[row, group])]
