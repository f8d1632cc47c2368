"""The best end of each candidate start.

Source: DenSPI, section 3: a phrase's score is the sum of its start's, its end's and their coherency.
"""

import numpy as np

from densephrase.kernels.compile import kernel
from densephrase.kernels.dot import precise_dot
from densephrase.kernels.types import Codes, Rows, Tokens, Weights


@kernel
def fold_coherency(start_codes: Codes, start: int, vector_size: int, scale: Rows, folded: Rows) -> None:
    """Multiply the coherency codes of a start row with `scale` int64[r] into `folded` int64[r]."""
    for column in range(scale.size):
        folded[column] = np.int64(start_codes[start, vector_size + column]) * scale[column]


@kernel
def coherency(folded: Rows, end_codes: Codes, end: int, vector_size: int) -> np.int64:
    """Multiply a folded start row, int64[r], with the coherency codes of an end row: an exact integer."""
    total = np.int64(0)
    for column in range(folded.size):
        total += folded[column] * np.int64(end_codes[end, vector_size + column])
    return total


@kernel
def best_ends(
    starts: Rows,
    start_paragraph: Tokens,
    start_token: Tokens,
    start_codes: Codes,
    paragraph_end_ptr: Rows,
    end_token: Tokens,
    end_codes: Codes,
    weights: Weights,
    low_bits: int,
    step: float,
    coherency_scale: Rows,
    coherency_step: float,
    max_answer_tokens: int,
    best_end: Rows,
    best_dot: Rows,
    best_coherency: Rows,
) -> None:
    """Find for each start the end in its paragraph that maximises `dot * step + coherency * coherency_step`.

    It must satisfy `start token <= end token < start token + max_answer_tokens`. The smallest end wins a tie; -1 says
    that there is none.

    `starts` int64[C] are rows in ascending order. Columns of the shard: `start_paragraph`, `start_token` int32[S],
    `start_codes` int8[S, V + r], `paragraph_end_ptr` int64[P + 1], `end_token` int32[E], ascending in a paragraph,
    `end_codes` int8[E, V + r]. Question: `weights` int16[2, V] with `low_bits` and `step`. The products of both
    quantisers' coherency scales are `coherency_scale` int64[r], below 2**31, times `coherency_step`.
    Outputs, int64[C] each: `best_end` (row or -1), `best_dot`, `best_coherency` (0 where there is no end).

    An end's dot product is computed once per paragraph, and only if some candidate can reach it.
    """
    paragraph = np.int64(-1)
    first = last = lower = scored = np.int64(0)
    dots = np.empty(0, np.int64)
    folded = np.empty(coherency_scale.size, np.int64)
    for position in range(starts.size):
        start = starts[position]
        if start_paragraph[start] != paragraph:
            paragraph = np.int64(start_paragraph[start])
            first, last = paragraph_end_ptr[paragraph], paragraph_end_ptr[paragraph + 1]
            lower = scored = first
            if last - first > dots.size:
                dots = np.empty(last - first, np.int64)
        while lower < last and end_token[lower] < start_token[start]:
            lower += 1
        best_end[position], best_dot[position], best_coherency[position] = -1, 0, 0
        fold_coherency(start_codes, start, weights.shape[1], coherency_scale, folded)
        best = -np.inf
        end = lower
        scored = max(scored, lower)
        while end < last and end_token[end] < start_token[start] + max_answer_tokens:
            if end == scored:
                dots[end - first] = precise_dot(end_codes, end, weights, low_bits)
                scored += 1
            pair = coherency(folded, end_codes, end, weights.shape[1])
            score = dots[end - first] * step + pair * coherency_step
            if score > best:
                best = score
                best_end[position], best_dot[position], best_coherency[position] = end, dots[end - first], pair
            end += 1
