"""Steps over rows of codes that compiled loops don't reach: products of several rows at once, and prefetching."""

import numpy as np

from densephrase.kernels.lowlevel.form import lowered
from densephrase.kernels.types import Codes, Weights


@lowered("rows")
def multiply_rows(codes: Codes, rows: tuple[int, ...], weights: tuple[Weights, ...]) -> tuple[np.int32, ...]:
    """Return the dot product of each row with the first weights, then of each row with the second, and so on.

    `codes` int8[N, D]; `rows` are 1, 2 or 4 row numbers; `weights` int16[V] each, V <= D; all are contiguous. The sums
    fit into 32 bits (see `densephrase.search.prepare.fixed_point`).
    """
    if len(weights) > 1:
        return multiply_rows(codes, rows, weights[:1]) + multiply_rows(codes, rows, weights[1:])
    if len(rows) > 1:
        return multiply_rows(codes, rows[:1], weights) + multiply_rows(codes, rows[1:], weights)
    total = np.int32(0)
    for column in range(weights[0].size):
        total += np.int32(codes[rows[0], column]) * np.int32(weights[0][column])
    return (np.int32(total),)


@lowered("rows")
def prefetch_row(codes: Codes, row: int, width: int) -> None:
    """Ask for the cache lines of the first columns of a row that is read soon; the row need not exist."""


@lowered("rows")
def prefetch_bytes(address: int, size: int) -> None:
    """Ask for the cache lines of some bytes that are read soon; they need not exist."""
