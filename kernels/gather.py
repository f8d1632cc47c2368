"""Exact dot products of selected rows.

Sums are integers, so neither the vector width of the machine nor the order of the rows changes them. The caller keeps
`128 * sum(abs(weights))` below 2**31 for either half of the weights (see `densephrase.search.prepare.fixed_point`).
"""

import numpy as np

from densephrase.kernels.compile import kernel
from densephrase.kernels.lowlevel.rows import multiply_rows, prefetch_row
from densephrase.kernels.types import Codes, Rows, Weights

ROWS_AHEAD = 32  # rows between the one that is asked for and those that are multiplied: 16 to 64 are nearly as fast


@kernel
def gather_dots(codes: Codes, rows: Rows, weights: Weights, low_bits: int, dots: Rows) -> None:
    """Multiply the first columns of selected rows with weights of two halves: `dot(high) * 2**low_bits + dot(low)`.

    `codes` int8[N, D]; `rows` int64[C]; `weights` int16[2, V], V <= D; `dots` int64[C] is the output.
    """
    high, low, width = weights[0], weights[1], weights.shape[1]
    last = rows.size - 1
    for position in range(min(ROWS_AHEAD, rows.size)):
        prefetch_row(codes, rows[position], width)
    for position in range(0, rows.size, 4):
        for next_position in range(position + ROWS_AHEAD, min(position + ROWS_AHEAD + 4, rows.size)):
            prefetch_row(codes, rows[next_position], width)
        # The last four may hold a row more than once.
        places = position, min(position + 1, last), min(position + 2, last), min(position + 3, last)
        chosen = rows[places[0]], rows[places[1]], rows[places[2]], rows[places[3]]
        products = multiply_rows(codes, chosen, (high, low))
        for place in range(4):
            dots[places[place]] = np.int64(products[place]) * np.int64(1 << low_bits) + np.int64(products[4 + place])
