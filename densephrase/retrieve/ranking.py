"""Rows of an index ranked for a batch of questions: how they are kept, and how threads share the questions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import DTypeLike

from densephrase.kernels.passages import RankedRows

BLOCK = 16  # questions that share what they read: the rows of a scan stay in the nearest cache for so many


def no_ranking(questions: int, top_k: int, scores: DTypeLike) -> RankedRows:
    """Return room for `top_k` rows of each question, with scores of a dtype."""
    shape = questions, top_k
    return RankedRows(np.empty(shape, np.int64), np.empty(shape, scores), np.zeros(questions, np.int64))


def by_block(step: Callable[[int, int], None], questions: int, threads: int) -> None:
    """Take a step for the questions `[first, last)`, block by block, on several threads where there are as many blocks.

    The step is a kernel, which needs no interpreter.
    """
    size = max(1, min(BLOCK, -(-questions // threads)))
    bounds = [(first, min(first + size, questions)) for first in range(0, questions, size)]
    if min(threads, len(bounds)) <= 1:
        for first, last in bounds:
            step(first, last)
        return
    with ThreadPoolExecutor(min(threads, len(bounds))) as pool:
        list(pool.map(lambda bound: step(*bound), bounds))
