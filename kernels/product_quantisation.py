"""Scores and values of product-quantised rows: sums of table look-ups, one for each byte of a code.

Jégou, Douze and Schmid 2011, section 3.1 (asymmetric distances), for inner products. Table entries are integers, so
sums are exact: the order of the rows and the vector width of the machine don't change them. Bytes come as int8, as all
codes do, and count as 0 to 255.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, kernel
from densephrase.kernels.gather import ROWS_AHEAD, gather_dots
from densephrase.kernels.lowlevel.rows import prefetch_row
from densephrase.kernels.scan import BYTES_AHEAD, SPARE
from densephrase.kernels.selection import keep_best
from densephrase.kernels.types import Codes, Rows, Table, Weights

_LARGEST_SUM = 2**31 - 1
_ROUNDED_REACH = 1 + 2.0**-19  # of half a range: more than rounding takes of products that differ at all
_LARGEST_REACH = _LARGEST_SUM - 2**13  # entries come out of float32: each may be off by a 2**23rd of it


@kernel
def nearest_centroids(
    values: NDArray[np.float32],
    centroids: NDArray[np.float32],
    half_norms: NDArray[np.float32],
    codes: NDArray[np.uint8],
) -> None:
    """Write the nearest centroid of each group; of equal ones the first.

    `values` float32[N, G * d], `centroids` float32[G, d, 256], `half_norms` float32[G, 256] half their squared lengths;
    `codes` uint8[N, G] is the output.
    """
    groups, width, size = centroids.shape
    # Half of squared distances, which are positive with a little added: then their bits, taken for integers, are in
    # their order, and the least of integers is found eight or more at a time.
    distances = np.empty(size, np.float32)
    bits = distances.view(np.int32)
    for group in range(groups):
        first = group * width
        for row in range(values.shape[0]):
            half_norm = np.float32(0)
            for dimension in range(width):
                half_norm += values[row, first + dimension] * values[row, first + dimension]
            half_norm *= np.float32(0.5 + 1e-5)
            for code in range(size):
                distances[code] = half_norm + half_norms[group, code] * np.float32(1 + 1e-5)
            for dimension in range(width):
                value = values[row, first + dimension]
                for code in range(size):
                    distances[code] -= value * centroids[group, dimension, code]
            least = np.int32(_LARGEST_SUM)
            for code in range(size):
                least = min(least, bits[code])
            chosen = 0
            while bits[chosen] != least:
                chosen += 1
            codes[row, group] = chosen


@kernel
def tabulate(
    vectors: NDArray[np.float32],
    offset: NDArray[np.float32],
    synthesis: NDArray[np.float32],
    centroids: NDArray[np.float32],
    spare: NDArray[np.float64],
    tables: Table,
    step: NDArray[np.float64],
    bias: NDArray[np.float64],
) -> bool:
    """Write tables of Q questions in which product-quantised rows are looked up; return whether all are finite.

    `vectors` float32[Q, V]; `offset` [at least V], `synthesis` [at least V, G * d] and `centroids` [G, d, 256] are what
    `densephrase.quantise.product.ProductQuantiser.by_dimension` gives. The outputs are `tables`
    int32[Q, G, 256], `step` [Q] and `bias` [Q]: the product of a question with a decoded row is the sum of the entries
    that its bytes name, times the step, plus the bias. Each group is centred, which leaves the most bits to the
    differences; no sum leaves 32 bits, nor does one to which up to `spare` [Q] is added.
    """
    groups, width, size = centroids.shape
    values, folded = np.empty((groups, size), np.float32), np.empty(groups * width, np.float32)
    half_range = np.empty(groups)
    for question in range(vectors.shape[0]):
        folded[:] = 0
        added, reach = 0.0, spare[question]
        for column in range(vectors.shape[1]):
            value = vectors[question, column]
            added += np.float64(value) * np.float64(offset[column])
            for dimension in range(folded.size):
                folded[dimension] += value * synthesis[column, dimension]
        for group in range(groups):
            low, high = _multiply_centroids(folded, group * width, centroids[group], values[group])
            added += (np.float64(low) + np.float64(high)) / 2
            half_range[group] = (np.float64(high) - np.float64(low)) / 2
            reach += half_range[group]
        if not (math.isfinite(added) and math.isfinite(reach)):
            return False
        unit = max(reach / _LARGEST_REACH, np.finfo(np.float32).tiny)
        units = np.float32(1 / unit)
        for group in range(groups):
            # Where products differ in their last bit only, their middle is one of them, too far away from the other.
            limit = np.float32(half_range[group] / unit * _ROUNDED_REACH)
            for code in range(size):
                entry = min(max(values[group, code] * units, -limit), limit)
                tables[question, group, code] = np.int32(np.rint(entry))
        step[question], bias[question] = unit, added
    return True


@kernel
def _multiply_centroids(
    folded: NDArray[np.float32], first: int, centroids: NDArray[np.float32], values: NDArray[np.float32]
) -> tuple[np.float32, np.float32]:
    """Write the products of some dimensions of a question with centroids [d, 256], less the middle of their range.

    Returns the least and the largest product.
    """
    values[:] = 0
    for dimension in range(centroids.shape[0]):
        factor = folded[first + dimension]
        for code in range(values.size):
            values[code] += factor * centroids[dimension, code]
    # Their bits in an order that is theirs when they are taken for integers, of which many are compared at once.
    bits, extremes = values.view(np.int32), np.empty(2, np.float32)
    low, high = np.int32(_LARGEST_SUM), np.int32(-_LARGEST_SUM)
    for code in range(values.size):
        key = _ordered(bits[code])
        low, high = min(low, key), max(high, key)
    extremes.view(np.int32)[0], extremes.view(np.int32)[1] = _ordered(low), _ordered(high)
    least, most = extremes
    middle = np.float32((least + most) / np.float32(2))
    for code in range(values.size):
        values[code] -= middle
    return least, most


@inlined_kernel
def _ordered(bits: np.int32) -> np.int32:
    """Return the bits of a float32 as an integer that is larger for a larger number, or turn it back."""
    return np.int32(bits ^ ((bits >> 31) & _LARGEST_SUM))


@inlined_kernel
def look_up(codes: Codes, row: int, table: Table) -> np.int32:
    """Add up the entries that a row names: `codes` int8[N, at least G], `table` int32[G, 256]."""
    total = np.int32(0)
    for group in range(table.shape[0]):
        total = np.int32(total + table[group, np.uint8(codes[row, group])])
    return total


@kernel
def gather_products(codes: Codes, rows: Rows, weights: Weights, low_bits: int, table: Table, products: Rows) -> None:
    """Write the exact products of selected rows with a question: look-ups where `table` int32[G, 256] has groups.

    Elsewhere dot products as in `densephrase.kernels.gather.gather_dots`; `rows` int64[C], `products` int64[C] output.
    """
    groups = table.shape[0]
    if not groups:
        gather_dots(codes, rows, weights, low_bits, products)
        return
    for position in range(min(ROWS_AHEAD, rows.size)):
        prefetch_row(codes, rows[position], groups)
    for position in range(rows.size):
        if position + ROWS_AHEAD < rows.size:
            prefetch_row(codes, rows[position + ROWS_AHEAD], groups)
        products[position] = look_up(codes, rows[position], table)


@kernel
def scan_look_ups(
    codes: Codes,
    ids: NDArray[Any],
    range_ptr: Rows,
    bases: Rows,
    table: Table,
    best_scores: NDArray[np.int32],
    best_ids: Rows,
) -> int:
    """Collect the k rows of some ranges that have the largest sums; return how many there are: min(k, n).

    `codes` int8[N, G], `table` int32[G, 256]; `bases` int64[R] are added to the sums of each range; `ids`, `range_ptr`
    and the outputs are as in `densephrase.kernels.scan.scan`.
    """
    k = best_scores.size
    if k == 0:
        return 0
    capacity = k + max(k, SPARE)
    scores, names = np.empty(capacity, np.int32), np.empty(capacity, np.int64)
    size, threshold = 0, np.int32(-(2**31))
    ahead = BYTES_AHEAD // max(codes.shape[1], 1) + 1
    for interval in range(range_ptr.shape[0]):
        base, begin, end = np.int32(bases[interval]), range_ptr[interval, 0], range_ptr[interval, 1]
        beyond = range_ptr[min(interval + 1, range_ptr.shape[0] - 1), 0] - end
        for row in range(begin, end, 4):
            far = row + ahead
            prefetch_row(codes, far + beyond if far >= end else far, 4 * codes.shape[1])
            second, third, fourth = min(row + 1, end - 1), min(row + 2, end - 1), min(row + 3, end - 1)
            sums = base, base, base, base
            for group in range(table.shape[0]):
                sums = (
                    np.int32(sums[0] + table[group, np.uint8(codes[row, group])]),
                    np.int32(sums[1] + table[group, np.uint8(codes[second, group])]),
                    np.int32(sums[2] + table[group, np.uint8(codes[third, group])]),
                    np.int32(sums[3] + table[group, np.uint8(codes[fourth, group])]),
                )
            if max(sums) < threshold:
                continue
            for place in range(min(4, end - row)):
                scores[size], names[size] = sums[place], ids[row + place]
                size += sums[place] >= threshold
            if size > capacity - 4:
                size = keep_best(scores, names, size, k, k + k // 8)
                threshold = scores[:size].min()
    size = keep_best(scores, names, size, k, k)
    best_scores[:size], best_ids[:size] = scores[:size], names[:size]
    return size
