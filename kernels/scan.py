"""Scan of stored codes for the rows with the largest dot products: the dense half of the search."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, kernel
from densephrase.kernels.lowlevel.rows import multiply_rows, prefetch_row
from densephrase.kernels.selection import keep_best, smallest
from densephrase.kernels.types import Codes, Rows, Weights

# A range is read as four streams, each of which asks for the row that it, or its successor in the next range, comes to
# so many bytes later. That hides the time that a row takes to arrive, and the ends of ranges and pages, where the
# hardware's own prefetching stops.
BYTES_AHEAD = 1536
SPARE = 128  # places beside those of the k best: more make room for a small k to be chosen less often


@inlined_kernel
def prefetch_step(codes: Codes, row: int, stride: int, width: int) -> None:
    """Ask for a row of each of four streams that are `stride` rows apart."""
    for stream in range(4):
        prefetch_row(codes, row + stream * stride, width)


@kernel
def scan(
    codes: Codes,
    ids: NDArray[Any],
    first_id: int,
    range_ptr: Rows,
    weights: Weights,
    best_scores: NDArray[np.int32],
    best_ids: Rows,
    size: int,
) -> int:
    """Collect the k rows of some ranges that have the largest dot products; return how many there are: min(k, n).

    `codes` int8[N, D], of which the first V columns count; `ids` [N], int32 or int64, names the rows, or is empty and
    row i is called `first_id + i`; `range_ptr` int64[R, 2] lists half-open row ranges; `weights` int16[V]. The outputs
    `best_scores` int32[k] and `best_ids` int64[k] are in no order; `size` of them come from earlier scans.
    """
    k = best_scores.size
    if k == 0:
        return 0
    capacity = k + max(k, SPARE)
    scores, names = np.empty(capacity, np.int32), np.empty(capacity, np.int64)
    for place in range(size):
        scores[place], names[place] = best_scores[place], best_ids[place]
    threshold = np.int32(-(2**31))
    ahead = BYTES_AHEAD // max(codes.shape[1], 1) + 1
    for interval in range(range_ptr.shape[0]):
        begin, end = range_ptr[interval, 0], range_ptr[interval, 1]
        length = (end - begin + 3) // 4
        following = min(interval + 1, range_ptr.shape[0] - 1)
        next_begin = range_ptr[following, 0]
        next_length = (range_ptr[following, 1] - next_begin + 3) // 4
        for step in range(begin, begin + length):
            rows = step, min(step + length, end - 1), min(step + 2 * length, end - 1), min(step + 3 * length, end - 1)
            far, stride = step + ahead, length
            if far >= begin + length:
                far, stride = next_begin + far - begin - length, next_length
            prefetch_step(codes, far, stride, weights.size)
            products = multiply_rows(codes, rows, (weights,))
            if max(products) < threshold:
                continue
            for place in range(4):
                row = step + place * length
                scores[size], names[size] = products[place], ids[min(row, end - 1)] if ids.size else first_id + row
                size += (row < end) & (products[place] >= threshold)
            if size > capacity - 4:
                size = keep_best(scores, names, size, k, k + k // 8)
                threshold = smallest(scores[:size])
    size = keep_best(scores, names, size, k, k)
    for place in range(size):
        best_scores[place], best_ids[place] = scores[place], names[place]
    return size
