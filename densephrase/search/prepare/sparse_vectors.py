"""Sparse scores of one paragraph's stored rows for one question, plainly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import QuestionNgrams
from densephrase.encoder.question_ngrams import PAIR

START, END = 0, 1


class StoredFactors(NamedTuple):
    """Sparse vectors of one side of a paragraph, as factors of r dimensions; it has T tokens."""

    queries: NDArray[np.int8]  # [rows, 2 * r]
    tokens: NDArray[np.int32]  # [rows] of the paragraph
    keys: NDArray[np.int8]  # [T, 4 * r]
    token_ids: NDArray[np.int32]  # [T] word pieces


def sparse_weights(
    queries: NDArray[np.int8],
    tokens: NDArray[np.integer],
    keys: NDArray[np.int8],
    scale: NDArray[np.float32],
    side: int,
) -> NDArray[np.float32]:
    """Return the weight of each n-gram in the vector of each row, float32 [2, rows, T]: unigrams, then bigrams.

    queries int8 [rows, 2 * r] are the factors of rows at the paragraph's `tokens` [rows], keys int8 [T, 4 * r] those of
    all its tokens, scale [4] those of the heads; `side` is START or END. An n-gram that holds the row's own token, and
    the bigram that would begin at the last token, have no weight.
    """
    rank = queries.shape[1] // 2
    weights = np.zeros((2, len(queries), len(keys)), np.float32)
    places = np.arange(len(keys))
    for order in (0, 1):
        head = 2 * side + order
        query = queries[:, order * rank : (order + 1) * rank].astype(np.float32)
        key = keys[:, head * rank : (head + 1) * rank].astype(np.float32)
        others = (places != tokens[:, None]) & (places + order != tokens[:, None]) & (places + order < len(keys))
        weights[order] = scale[head] * np.maximum(query @ key.T, 0) * others
    return weights


def ngram_weights(token_ids: NDArray[np.int32], question: QuestionNgrams, side: int) -> NDArray[np.float32]:
    """Return the question's weight of the n-grams that begin at each token, float32 [2, T]: unigrams, then bigrams."""
    first = token_ids.astype(np.int64)
    pairs = first * PAIR + np.append(first[1:], 0)
    return np.stack(
        [
            _weights(first, question.unigrams, question.unigram_weights[side]),
            _weights(pairs, question.bigrams, question.bigram_weights[side]),
        ]
    )


def scores_of_factors(
    factors: StoredFactors, scale: NDArray[np.float32], question: QuestionNgrams, side: int
) -> NDArray[np.float32]:
    """Return the product of each row with the question's sparse vector, float32 [rows] (Sparc, section 3.2)."""
    weights = sparse_weights(factors.queries, factors.tokens, factors.keys, scale, side)
    asked = ngram_weights(factors.token_ids, question, side)
    scores: NDArray[np.float32] = np.einsum("ort,ot->r", weights, asked)
    return scores


def _weights(names: NDArray[np.int64], known: NDArray[np.integer], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the weight of each name, 0 for one that is not known."""
    if not len(known):
        return np.zeros(len(names), np.float32)
    place = np.minimum(np.searchsorted(known, names), len(known) - 1)
    found: NDArray[np.float32] = np.where(known[place] == names, weights[place], np.float32(0))
    return found
