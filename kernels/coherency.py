"""Coherency of starts with ends: the columns of their rows behind the vectors, and their products."""

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel
from densephrase.kernels.lowlevel.entry_sums import Entries, Values, add_entries
from densephrase.kernels.preceding import Preceding
from densephrase.kernels.types import Codes, Rows

AT_ONCE = 8  # columns of coherency that are multiplied in one loop
# Ends are filled up to a multiple with what is left of others, so that no loop has a rest to do one by one.
END_LANES = 4


@inlined_kernel
def read_ends(
    codes: Codes,
    rows: Rows,
    first: int,
    last: int,
    vector_size: int,
    entries: Entries,
    preceding: Preceding,
    predicted: NDArray[np.int16],
    values: Values,
    columns: NDArray[np.float64],
) -> None:
    """Write the coherency of the ends `[first, last)` column by column; `values` int16[r] is room.

    `predicted` int16[N, r] is what the starts `preceding` product-quantised ends say of them.
    """
    if entries.shape[0]:
        for end in range(first, last):
            add_entries(codes, rows[end], entries, values)
            before = preceding.of_end[end]
            if before >= 0:
                for column in range(values.size):
                    values[column] += predicted[before, column]
            for column in range(values.size):
                columns[column, end - first] = values[column]
    else:
        for end in range(first, last):
            for column in range(values.size):
                columns[column, end - first] = codes[rows[end], vector_size + column]


@inlined_kernel
def read_start(
    codes: Codes,
    row: int,
    vector_size: int,
    entries: Entries,
    values: Values,
    scale: Rows,
    start_side: NDArray[np.float64],
) -> None:
    """Write the scaled coherency of a start to `start_side` float64[at least r]; `values` int16[r] is room."""
    if entries.shape[0]:
        add_entries(codes, row, entries, values)
    else:
        for column in range(values.size):
            values[column] = codes[row, vector_size + column]
    for column in range(values.size):
        start_side[column] = scale[column] * np.int64(values[column])


@inlined_kernel
def multiply_columns(
    start_side: NDArray[np.float64], columns: NDArray[np.float64], first: int, last: int, pairs: NDArray[np.float64]
) -> None:
    """Write the products of a start with the ends `[first, last)`, and some behind them, to their places in `pairs`."""
    lanes = (last - first + END_LANES - 1) // END_LANES * END_LANES
    begin = np.uint64(first)  # what has no sign needs no check for negative indices, which vectors can't make
    for lane in range(lanes):
        pairs[begin + np.uint64(lane)] = 0.0
    # Written out, so that a loop over the ends becomes one of vector instructions.
    for column in range(0, start_side.size, AT_ONCE):
        factor0, factor1 = start_side[column], start_side[column + 1]
        factor2, factor3 = start_side[column + 2], start_side[column + 3]
        factor4, factor5 = start_side[column + 4], start_side[column + 5]
        factor6, factor7 = start_side[column + 6], start_side[column + 7]
        for lane in range(lanes):
            end = begin + np.uint64(lane)
            low = factor0 * columns[column, end] + factor1 * columns[column + 1, end]
            low += factor2 * columns[column + 2, end] + factor3 * columns[column + 3, end]
            high = factor4 * columns[column + 4, end] + factor5 * columns[column + 5, end]
            high += factor6 * columns[column + 6, end] + factor7 * columns[column + 7, end]
            pairs[end] += low + high
