"""Scan of stored codes for the rows with the largest dot products: the dense half of the search."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.dot import dot
from densephrase.kernels.selection import push
from densephrase.kernels.types import Codes, Rows, Weights

# One row's sum takes about as long as its cache lines take to arrive, so a single stream of rows stalls. Several
# streams keep the hardware prefetcher ahead of the sums: over a mapped file of 400 MB, one core of a Sapphire Rapids
# server read 7.5 GB/s with one stream, 12.3 with four, 12.9 with five, 11.5 with twelve, and 15.7 without any sums.
STREAMS = 5


@kernel
def scan(
    codes: Codes,
    ids: NDArray[Any],
    first_id: int,
    range_ptr: Rows,
    weights: Weights,
    heap_scores: NDArray[np.int32],
    heap_ids: Rows,
    size: int,
) -> int:
    """Offer the rows of some ranges to a heap of the k largest dot products; return the heap's new size.

    `codes` int8[N, D], of which the first V columns count; `ids` [N], int32 or int64, names the rows, or is empty and
    row i is called `first_id + i`; `range_ptr` int64[R, 2] lists half-open row ranges; `weights` int16[V];
    `heap_scores` int32[k], `heap_ids` int64[k] and `size` are a heap of `densephrase.kernels.selection`, empty or of
    earlier scans.
    """
    for interval in range(range_ptr.shape[0]):
        begin, end = range_ptr[interval, 0], range_ptr[interval, 1]
        length = (end - begin + STREAMS - 1) // STREAMS
        for step in range(length):
            for row in range(begin + step, end, length):
                score = dot(codes, row, weights)
                if size < heap_scores.size or (size > 0 and score >= heap_scores[0]):
                    row_id = ids[row] if ids.size else first_id + row
                    size = push(heap_scores, heap_ids, size, score, row_id)
    return size
