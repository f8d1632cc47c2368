"""Random sparse vectors of a paragraph and of questions, and their products over the whole vocabulary."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from densephrase.encoder.encoded import QuestionNgrams, SparseRows

VOCABULARY = 12  # few word pieces, so that n-grams meet


def make_sparse_rows(random: np.random.Generator, tokens: int, kept: NDArray[np.int32], most: int) -> SparseRows:
    """Return rows for the tokens `kept`, each of up to `most` random n-grams of the paragraph."""
    pointers: list[int] = [0]
    entries: list[int] = []
    for token in kept.tolist():
        names = [2 * (place - token) for place in range(tokens)] + [
            2 * (place - token) + 1 for place in range(tokens - 1)
        ]
        size = int(random.integers(min(most, len(names)) + 1))
        entries += sorted(random.choice(names, size, replace=False).tolist())
        pointers.append(len(entries))
    weights = random.integers(1, 256, len(entries)).astype(np.uint8)
    return SparseRows(np.array(pointers, np.int64), np.array(entries, np.int16), weights)


def make_ngrams(random: np.random.Generator, unigrams: int, bigrams: int) -> QuestionNgrams:
    """Return so many different n-grams of random weights, some of which are 0 on one side."""
    single = np.sort(random.choice(VOCABULARY, unigrams, replace=False)).astype(np.int32)
    first, second = np.divmod(np.sort(random.choice(VOCABULARY**2, bigrams, replace=False)), VOCABULARY)
    weights = [np.maximum(random.normal(size=(2, count)), 0).astype(np.float32) for count in (unigrams, bigrams)]
    return QuestionNgrams(single, weights[0], first.astype(np.int64) * 2**32 + second, weights[1])


def explicit_scores(
    rows: SparseRows,
    tokens: NDArray[np.int32],
    pieces: NDArray[np.int32],
    scale: NDArray[np.float32],
    question: QuestionNgrams,
    side: int,
) -> NDArray[np.float64]:
    """Return the products of vectors of `VOCABULARY + VOCABULARY**2` dimensions: all unigrams, then all bigrams."""
    size = VOCABULARY + VOCABULARY**2
    row, column, value = [], [], []
    for number, token in enumerate(tokens.tolist()):
        for at in range(rows.pointers[number], rows.pointers[number + 1]):
            offset, order = divmod(int(rows.entries[at]), 2)
            ngram = pieces[token + offset : token + offset + 1 + order].tolist()
            row.append(number)
            column.append(ngram[0] if order == 0 else VOCABULARY * (1 + ngram[0]) + ngram[1])
            value.append(float(rows.weights[at]) * float(scale[2 * side + order]))
    text = csr_array((value, (row, column)), shape=(len(tokens), size))  # equal n-grams of a row add up
    asked = np.zeros(size)
    asked[question.unigrams] = question.unigram_weights[side]
    first, second = np.divmod(question.bigrams, 2**32)
    asked[VOCABULARY * (1 + first) + second] = question.bigram_weights[side]
    scores: NDArray[np.float64] = text @ asked
    return scores
