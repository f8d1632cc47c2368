"""Random sparse vectors of a paragraph and of questions, and their products over the whole vocabulary."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from densephrase.encoder.encoded import QuestionNgrams

VOCABULARY = 12  # few word pieces, so that n-grams meet


class Factors(NamedTuple):
    """Factors of the rows at some tokens of a paragraph."""

    queries: NDArray[np.int8]
    tokens: NDArray[np.int32]
    keys: NDArray[np.int8]


def make_factors(random: np.random.Generator, tokens: int, kept: NDArray[np.int32], rank: int) -> Factors:
    """Return random factors for the tokens `kept` of a paragraph."""
    queries = random.integers(-127, 128, (len(kept), 2 * rank), np.int8)
    return Factors(queries, kept, random.integers(-127, 128, (tokens, 4 * rank), np.int8))


def make_ngrams(random: np.random.Generator, unigrams: int, bigrams: int) -> QuestionNgrams:
    """Return so many different n-grams of random weights, some of which are 0 on one side."""
    single = np.sort(random.choice(VOCABULARY, unigrams, replace=False)).astype(np.int32)
    first, second = np.divmod(np.sort(random.choice(VOCABULARY**2, bigrams, replace=False)), VOCABULARY)
    weights = [np.maximum(random.normal(size=(2, count)), 0).astype(np.float32) for count in (unigrams, bigrams)]
    return QuestionNgrams(single, weights[0], first.astype(np.int64) * 2**32 + second, weights[1])


def explicit_scores(
    factors: Factors, pieces: NDArray[np.int32], scale: NDArray[np.float32], question: QuestionNgrams, side: int
) -> NDArray[np.float64]:
    """Return the products of vectors of `VOCABULARY + VOCABULARY**2` dimensions: all unigrams, then all bigrams."""
    size, rank = VOCABULARY + VOCABULARY**2, factors.queries.shape[1] // 2
    row, column, value = [], [], []
    for number, token in enumerate(factors.tokens.tolist()):
        for order in (0, 1):
            query = factors.queries[number, order * rank :][:rank].tolist()
            for place in range(len(pieces) - order):
                key = factors.keys[place, (2 * side + order) * rank :][:rank].tolist()
                product = sum(q * k for q, k in zip(query, key, strict=True))
                if product > 0 and not place <= token <= place + order:
                    ngram = pieces[place : place + 1 + order].tolist()
                    row.append(number)
                    column.append(ngram[0] if order == 0 else VOCABULARY * (1 + ngram[0]) + ngram[1])
                    value.append(product * float(scale[2 * side + order]))
    text = csr_array((value, (row, column)), shape=(len(factors.tokens), size))  # equal n-grams of a row add up
    asked = np.zeros(size)
    asked[question.unigrams] = question.unigram_weights[side]
    first, second = np.divmod(question.bigrams, 2**32)
    asked[VOCABULARY * (1 + first) + second] = question.bigram_weights[side]
    scores: NDArray[np.float64] = text @ asked
    return scores
