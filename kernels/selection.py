"""Top-k under a total order: larger scores first, smaller ids first among equal scores.

A heap keeps its *worst* member at position 0. It lives in two arrays of k places that the caller allocates, and an
explicit size, so nothing depends on a sentinel score. Scores must not be NaN. Where k is large, it is faster to collect
more than k and then to keep the best.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.types import Rows


@kernel
def is_worse(score: float, row: int, other_score: float, other_row: int) -> bool:
    """Tell whether (score, row) comes after (other_score, other_row)."""
    return score < other_score or (score == other_score and row > other_row)


@kernel
def sift_down(scores: NDArray[Any], ids: Rows, size: int) -> None:
    """Restore the heap after its member at position 0 was replaced."""
    parent = 0
    while 2 * parent + 1 < size:
        child = 2 * parent + 1
        if child + 1 < size and is_worse(scores[child + 1], ids[child + 1], scores[child], ids[child]):
            child += 1
        if not is_worse(scores[child], ids[child], scores[parent], ids[parent]):
            return
        scores[parent], scores[child] = scores[child], scores[parent]
        ids[parent], ids[child] = ids[child], ids[parent]
        parent = child


@kernel
def push(scores: NDArray[Any], ids: Rows, size: int, score: float, row: int) -> int:
    """Offer (score, row) to a heap of at most `scores.size` members and return the heap's new size."""
    if size == scores.size:
        if size > 0 and is_worse(scores[0], ids[0], score, row):
            scores[0] = score
            ids[0] = row
            sift_down(scores, ids, size)
        return size
    child = size
    while child > 0 and is_worse(score, row, scores[(child - 1) // 2], ids[(child - 1) // 2]):
        scores[child] = scores[(child - 1) // 2]
        ids[child] = ids[(child - 1) // 2]
        child = (child - 1) // 2
    scores[child] = score
    ids[child] = row
    return size + 1


@kernel
def sort_heap(scores: NDArray[Any], ids: Rows, size: int) -> None:
    """Turn the heap of `size` members into a list, best first, in place."""
    for last in range(size - 1, 0, -1):
        scores[0], scores[last] = scores[last], scores[0]
        ids[0], ids[last] = ids[last], ids[0]
        sift_down(scores, ids, last)


@kernel
def top_k(scores: NDArray[Any], best_scores: NDArray[Any], best_rows: Rows) -> int:
    """Write the best scores and their positions, best first, and return how many there are: min(k, n).

    `scores` [n]; `best_scores` [k] of the same dtype and `best_rows` int64[k] are outputs.
    """
    size = 0
    for row in range(scores.size):
        size = push(best_scores, best_rows, size, scores[row], row)
    sort_heap(best_scores, best_rows, size)
    return size


@kernel
def keep_best(scores: NDArray[np.int32], ids: Rows, size: int, k: int, most: int) -> int:
    """Move the best of `size` entries to the front, in no order: at least k, at most `most`; return how many.

    No id stands twice; k > 0. The worst score that stays is found by halving an interval of values: to count what lies
    above takes so little that this is faster than to move entries about, and most of all where any count will do.
    """
    if size <= most:
        return size
    worst, count = _worst_kept(scores, size, k, most)
    last_id = np.int64(2**63 - 1) if count <= most else _last_id(scores, ids, size, worst, k)
    kept = 0
    for place in range(size):
        score, row = scores[place], ids[place]
        scores[kept], ids[kept] = score, row
        kept += (score > worst) | ((score == worst) & (row <= last_id))
    return min(kept, most)


@kernel
def smallest(values: NDArray[Any]) -> Any:
    """Return the smallest of some numbers, at least one: a loop compiles in a fifth of the time of `min`."""
    least = values[0]
    for value in values:
        least = min(least, value)
    return least


@kernel
def _worst_kept(scores: NDArray[np.int32], size: int, k: int, most: int) -> tuple[np.int32, int]:
    """Return a score that at least k scores reach, and how many do: at most `most`, unless there are equal ones."""
    low = high = scores[0]
    for place in range(size):
        low, high = min(low, scores[place]), max(high, scores[place])
    lowest, highest, count = np.int64(low), np.int64(high), size
    while lowest < highest and count > most:
        middle = highest - (highest - lowest) // 2
        reached = np.int32(0)
        for place in range(size):
            reached += np.int32(scores[place] >= np.int32(middle))
        if reached >= k:
            lowest, count = middle, int(reached)
        else:
            highest = middle - 1
    return np.int32(lowest), count


@kernel
def _last_id(scores: NDArray[np.int32], ids: Rows, size: int, worst: np.int32, k: int) -> np.int64:
    """Return the largest id among those of the k best that have the worst score."""
    first = last = ids[0]
    for place in range(size):
        first, last = min(first, ids[place]), max(last, ids[place])
    while first < last:
        middle = (first >> 1) + (last >> 1) + (first & last & 1)  # their difference may overflow
        count = 0
        for place in range(size):
            count += (scores[place] > worst) | ((scores[place] == worst) & (ids[place] <= middle))
        if count >= k:
            last = middle
        else:
            first = middle + 1
    return np.int64(last)


@kernel
def best_places(scores: NDArray[np.float64], k: int) -> Rows:
    """Return the places of the k largest of n > k finite scores, int64[k] ascending; of equal ones the first.

    Where their own order does not matter, this takes a third of the time of `top_k`.
    """
    least = np.partition(scores, scores.size - k)[scores.size - k]
    equal = k
    for score in scores:
        equal -= score > least
    places, count = np.empty(k, np.int64), 0
    for place in range(scores.size):
        if scores[place] > least or (scores[place] == least and equal > 0):
            equal -= scores[place] == least
            places[count] = place
            count += 1
    return places
