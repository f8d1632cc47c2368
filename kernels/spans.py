"""The best end of each candidate start.

Sources: DenSPI, section 3: a phrase's score is the sum of its start's, its end's and their coherency; Sparc, section
3.2, adds a sparse vector to each side.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.dot import precise_dot
from densephrase.kernels.sparse import SparseQuestion, SparseRows, match_ngrams, row_score
from densephrase.kernels.types import Codes, Places, Rows, Weights


class EndRows(NamedTuple):
    """The end rows of a shard: those of paragraph p are `ptr[p]:ptr[p + 1]`, ascending by token."""

    ptr: Rows  # [P + 1]
    token: Places  # [E]
    codes: Codes  # [E, V + r]
    sparse: SparseRows


class EndQuestion(NamedTuple):
    """What a question says of ends.

    A dot product with `weights` and `low_bits` counts `step`. The products of both quantisers' coherency scales are
    `coherency_scale`, below 2**31, times `coherency_step`.
    """

    weights: Weights  # [2, V]
    low_bits: int
    step: float
    coherency_scale: Rows  # [r]
    coherency_step: float
    sparse: SparseQuestion


class BestEnds(NamedTuple):
    """The best end of each of C starts: its row, or -1 where there is none, and the parts of its score (0 there)."""

    end: Rows  # [C]
    dot: Rows  # [C]
    coherency: Rows  # [C]
    sparse: NDArray[np.float64]  # [C]


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
    paragraphs: Rows,
    start_token: Places,
    start_codes: Codes,
    ends: EndRows,
    question: EndQuestion,
    max_answer_tokens: int,
    best: BestEnds,
) -> None:
    """Find for each start the end in its paragraph that maximises `dot * step + coherency * coherency_step + sparse`.

    It must satisfy `start token <= end token < start token + max_answer_tokens`. The smallest end wins a tie; -1 says
    that there is none.

    `starts` int64[C] are rows in ascending order, `paragraphs` int64[C] those that hold them, `start_token` [S] and
    `start_codes` int8[S, V + r] columns of the shard; `best` is the output.

    What an end alone adds is computed once per paragraph, and only if some candidate can reach it.
    """
    end_ptr, end_tokens, end_codes, (queries, keys, side, pieces, piece_ptr) = ends
    weights, low_bits, step, coherency_scale, coherency_step, ngram_question = question
    best_end, best_dot, best_coherency, best_sparse = best
    paragraph = np.int64(-1)
    first = last = lower = scored = piece = np.int64(0)
    has_sparse = ngram_question.slot.size > 0
    dots, sparse = np.empty(0, np.int64), np.zeros(0, np.float64)
    ngrams, ngram_weights = np.empty(0, np.int64), np.empty(0, np.float64)
    folded = np.empty(coherency_scale.size, np.int64)
    for position in range(starts.size):
        start = starts[position]
        if paragraphs[position] != paragraph:
            paragraph = paragraphs[position]
            first, last = end_ptr[paragraph], end_ptr[paragraph + 1]
            lower = scored = first
            if last - first > dots.size:
                dots, sparse = np.empty(last - first, np.int64), np.zeros(last - first, np.float64)
            if has_sparse:
                piece = piece_ptr[paragraph]
                ngrams, ngram_weights = match_ngrams(pieces, piece, piece_ptr[paragraph + 1], ngram_question)
        token = np.int64(start_token[start])
        while lower < last and np.int64(end_tokens[lower]) < token:
            lower += 1
        best_end[position], best_dot[position], best_coherency[position], best_sparse[position] = -1, 0, 0, 0.0
        fold_coherency(start_codes, start, weights.shape[1], coherency_scale, folded)
        best_score = -np.inf
        end = lower
        scored = max(scored, lower)
        while end < last and np.int64(end_tokens[end]) < token + max_answer_tokens:
            if end == scored:
                dots[end - first] = precise_dot(end_codes, end, weights, low_bits)
                if has_sparse:
                    end_token = np.int64(end_tokens[end])
                    sparse[end - first] = row_score(queries, end, end_token, keys, piece, side, ngrams, ngram_weights)
                scored += 1
            pair = coherency(folded, end_codes, end, weights.shape[1])
            score = dots[end - first] * step + pair * coherency_step + sparse[end - first]
            if score > best_score:
                best_score = score
                best_end[position], best_dot[position], best_coherency[position] = end, dots[end - first], pair
                best_sparse[position] = sparse[end - first]
            end += 1
