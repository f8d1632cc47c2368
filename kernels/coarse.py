"""The coarse step of a search over inverted lists: which lists a question looks into.

Lists stand in groups. A question is compared with every group, then with the lists of the best groups, in the codes and
the integers that rows are scanned with: the same lists come out on every machine.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.scan import scan
from densephrase.kernels.selection import push, sort_heap
from densephrase.kernels.types import Codes, Rows, Weights


@kernel
def best_lists(
    group_codes: Codes,
    group_ptr: Rows,
    list_codes: Codes,
    weights: Weights,
    best_groups: Rows,
    best_lists: Rows,
) -> int:
    """Write the lists with the largest products among those of the best groups, and return how many there are.

    `group_codes` int8[G, D] and `list_codes` int8[L, D] are centroids; lists `group_ptr[g]:group_ptr[g + 1]` of
    int64[G + 1] belong to group g; `weights` int16[V], V <= D. `best_groups` int64[at most G] and `best_lists`
    int64[k] say by their lengths how many are wanted, and are overwritten; lists end in ascending order. Of equal
    products the smaller number is the better one.
    """
    names = np.empty(0, np.int32)  # rows are numbered, not named
    everything = np.zeros((1, 2), np.int64)
    everything[0, 1] = group_codes.shape[0]
    heap = np.empty(best_groups.size, np.int32)
    groups = scan(group_codes, names, 0, everything, weights, heap, best_groups, 0)
    ranges = np.empty((groups, 2), np.int64)
    for position in range(groups):
        ranges[position, 0] = group_ptr[best_groups[position]]
        ranges[position, 1] = group_ptr[best_groups[position] + 1]
    heap = np.empty(best_lists.size, np.int32)
    found = scan(list_codes, names, 0, ranges, weights, heap, best_lists, 0)
    best_lists[:found].sort()
    return found


@kernel
def best_columns(scores: NDArray[Any], best: Rows) -> None:
    """Write the columns with the largest scores of each row, best first; of equal ones the smaller.

    `scores` [n, m], float32 or float64; `best` int64[n, k], k <= m, is the output.
    """
    heap = np.empty(best.shape[1], scores.dtype)
    for row in range(scores.shape[0]):
        size = 0
        for column in range(scores.shape[1]):
            # Most scores end here: the call to `push` alone made this ten times as slow.
            if size < heap.size or scores[row, column] > heap[0]:
                size = push(heap, best[row], size, scores[row, column], column)
        sort_heap(heap, best[row], size)
