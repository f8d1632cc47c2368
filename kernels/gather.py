"""Exact dot products of selected rows."""

from densephrase.kernels.compile import kernel
from densephrase.kernels.dot import precise_dot
from densephrase.kernels.types import Codes, Rows, Weights


@kernel
def gather_dots(codes: Codes, rows: Rows, weights: Weights, low_bits: int, dots: Rows) -> None:
    """Write `precise_dot` of each selected row.

    `codes` int8[N, D]; `rows` int64[C]; `weights` int16[2, V]; `dots` int64[C] is the output.
    """
    for position in range(rows.size):
        dots[position] = precise_dot(codes, rows[position], weights, low_bits)


@kernel
def expand_ranges(range_ptr: Rows, rows: Rows) -> None:
    """Write the members of half-open ranges `range_ptr` int64[R, 2] one after the other to `rows` int64[total]."""
    position = 0
    for interval in range(range_ptr.shape[0]):
        for row in range(range_ptr[interval, 0], range_ptr[interval, 1]):
            rows[position] = row
            position += 1
