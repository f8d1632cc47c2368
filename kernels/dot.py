"""Integer dot products between stored codes and a fixed-point question.

Sums are integers, so they are exact: neither the vector width of the machine nor the order of the rows changes them.
The caller keeps `128 * sum(abs(weights))` below 2**31 (see `densephrase.search.fixed_point`).
"""

import numpy as np

from densephrase.kernels.compile import kernel
from densephrase.kernels.types import Codes, Weights


@kernel
def dot(codes: Codes, row: int, weights: Weights) -> np.int32:
    """Multiply the first columns of one row with int16 weights: `codes` int8[N, D], `weights` int16[V], V <= D."""
    total = np.int32(0)
    for column in range(weights.size):
        total = np.int32(total + np.int32(codes[row, column]) * np.int32(weights[column]))
    return total


@kernel
def precise_dot(codes: Codes, row: int, weights: Weights, low_bits: int) -> np.int64:
    """Do the same with weights of two halves, int16[2, V]: the result is `dot(high) * 2**low_bits + dot(low)`."""
    # Two loops: one loop over both halves leaves the 8-bit multiply-add instructions and takes half as long again.
    high, low = dot(codes, row, weights[0]), dot(codes, row, weights[1])
    return np.int64(high) * np.int64(1 << low_bits) + np.int64(low)
