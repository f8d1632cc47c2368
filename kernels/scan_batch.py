"""Scan of stored codes for several questions at once: each row is read from memory once."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.lowlevel.rows import multiply_rows
from densephrase.kernels.scan import BYTES_AHEAD, SPARE, prefetch_step
from densephrase.kernels.selection import keep_best
from densephrase.kernels.types import Codes, Rows, Weights

STEPS = 16  # of four rows each, which stay in the nearest cache while one question after the other is asked


class Asked(NamedTuple):
    """Which of Q questions each of R ranges is for: range r for `questions[ptr[r]:ptr[r + 1]]`."""

    ptr: Rows  # [R + 1]
    questions: Rows


class BestRows(NamedTuple):
    """The rows with the largest products that each of Q questions has found, in no order: `size[q]` of them."""

    scores: NDArray[np.int32]  # [Q, k]
    ids: Rows  # [Q, k]
    size: Rows  # [Q]


@kernel
def scan_batch(
    codes: Codes,
    ids: NDArray[Any],
    first_id: int,
    range_ptr: Rows,
    asked: Asked,
    weights: Weights,
    best: BestRows,
) -> None:
    """Do for Q questions what `densephrase.kernels.scan.scan` does for one: find their k best rows of some ranges.

    `codes`, `ids`, `first_id` and `range_ptr` are those of `scan`; no question is asked twice of a range; `weights`
    int16[Q, V]. `best` holds the rows of earlier scans, and is the output.
    """
    asked_ptr, questions = asked
    best_scores, best_ids, best_size = best
    k = best_scores.shape[1]
    if k == 0:
        return
    capacity = k + max(k, SPARE)
    scores, names = np.empty((best_size.size, capacity), np.int32), np.empty((best_size.size, capacity), np.int64)
    sizes, thresholds = best_size.copy(), np.full(best_size.size, -(2**31), np.int32)
    scores[:, :k], names[:, :k] = best_scores, best_ids
    products = np.empty((best_size.size + 1, 4 * STEPS), np.int32)
    for interval in range(range_ptr.shape[0]):
        begin, end = range_ptr[interval, 0], range_ptr[interval, 1]
        first, last = asked_ptr[interval], asked_ptr[interval + 1]
        length = (end - begin + 3) // 4
        for tile in range(begin, begin + length, STEPS):
            steps = min(STEPS, begin + length - tile)
            for pair in range(first, last, 2):
                pair_weights = weights[questions[pair]], weights[questions[min(pair + 1, last - 1)]]
                _multiply_tile(codes, tile, steps, length, end, pair == first, pair_weights, products, pair - first)
            for position in range(last - first):
                question = questions[first + position]
                size, threshold = sizes[question], thresholds[question]
                for place in range(4 * steps):
                    row = tile + place // 4 + place % 4 * length
                    if products[position, place] >= threshold and row < end:
                        scores[question, size] = products[position, place]
                        names[question, size] = ids[row] if ids.size else first_id + row
                        size += 1
                if size > capacity - 4 * STEPS:
                    size = keep_best(scores[question], names[question], size, k, k + k // 8)
                    thresholds[question] = scores[question, :size].min()
                sizes[question] = size
    for question in range(best_size.size):
        size = keep_best(scores[question], names[question], sizes[question], k, k)
        best_scores[question, :size], best_ids[question, :size] = scores[question, :size], names[question, :size]
        best_size[question] = size


@kernel
def _multiply_tile(
    codes: Codes,
    tile: int,
    steps: int,
    length: int,
    end: int,
    is_first: bool,
    weights: tuple[Weights, Weights],
    products: NDArray[np.int32],
    position: int,
) -> None:
    """Write the products of the rows of a tile, `steps` in each of four streams, with the weights of two questions."""
    ahead = BYTES_AHEAD // max(codes.shape[1], 1) + 1
    for step in range(steps):
        row = tile + step
        if is_first:
            prefetch_step(codes, row + ahead, length, weights[0].size)
        rows = row, min(row + length, end - 1), min(row + 2 * length, end - 1), min(row + 3 * length, end - 1)
        found = multiply_rows(codes, rows, weights)
        for stream in range(4):
            products[position, 4 * step + stream] = found[stream]
            products[position + 1, 4 * step + stream] = found[4 + stream]
