"""Sparse scores of one paragraph's stored rows for one question, plainly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import QuestionNgrams, SparseRows
from densephrase.encoder.sparse_rows import PAIR

START, END = 0, 1


def sparse_scores(
    rows: SparseRows,
    tokens: NDArray[np.int32],
    token_ids: NDArray[np.int32],
    scale: NDArray[np.float32],
    question: QuestionNgrams,
    side: int,
) -> NDArray[np.float32]:
    """Return the product of each row with the question's sparse vector, float32 [rows] (Sparc, section 3.2).

    `tokens` [rows] are the rows' paragraph tokens, `token_ids` [tokens] the paragraph's word pieces, `scale` [4] those
    of the heads, `side` is START or END.
    """
    row = np.repeat(np.arange(len(tokens)), np.diff(rows.pointers))
    place, order = tokens[row] + (rows.entries >> 1), rows.entries & 1
    first = token_ids[place].astype(np.int64)
    second = token_ids[np.minimum(place + 1, len(token_ids) - 1)]
    matched = np.where(
        order == 0,
        _weights(first, question.unigrams, question.unigram_weights[side]),
        _weights(first * PAIR + second, question.bigrams, question.bigram_weights[side]),
    )
    values = rows.weights * scale[2 * side + order] * matched
    return np.bincount(row, values, minlength=len(tokens)).astype(np.float32)


def _weights(names: NDArray[np.int64], known: NDArray[np.integer], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weight of each name, 0 for one that is not known."""
    if not len(known):
        return np.zeros(len(names), np.float32)
    place = np.minimum(np.searchsorted(known, names), len(known) - 1)
    found: NDArray[np.float32] = np.where(known[place] == names, weights[place], np.float32(0))
    return found
