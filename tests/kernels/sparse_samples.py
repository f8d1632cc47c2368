"""Random sparse rows with a question, and their scores by explicit vocabulary vectors: V and V * V columns of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from densephrase.kernels.sparse import SparseQuestion, SparseRows

NO_NGRAMS = SparseQuestion(
    np.empty(0, np.int16), np.empty(0), np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0)
)


@dataclass
class Sample:
    """Rows of a few paragraphs, and a question over the same vocabulary as dense weights of uni- and bigrams."""

    row_ptr: NDArray[np.int64]
    token: NDArray[np.uint16]
    rows: SparseRows
    unigram: NDArray[np.float64]  # [V]
    bigram: NDArray[np.float64]  # [V, V]

    @property
    def paragraph(self) -> NDArray[np.int64]:
        """The paragraph of each row."""
        return np.repeat(np.arange(len(self.row_ptr) - 1), np.diff(self.row_ptr))

    def question(self) -> SparseQuestion:
        """Return the question's n-grams of some weight as the table that the kernel takes."""
        first, second = np.nonzero(self.bigram)
        pieces = np.union1d(np.flatnonzero(self.unigram), first)
        slot = np.full(int(pieces[-1]) + 1 if pieces.size else 0, -1, np.int16)
        slot[pieces] = np.arange(pieces.size)
        pair_ptr = np.searchsorted(first, np.append(pieces, len(self.unigram))).astype(np.int64)
        return SparseQuestion(slot, self.unigram[pieces], pair_ptr, second.astype(np.int64), self.bigram[first, second])

    def find(self, function: Callable[..., None], selected: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the scores that the kernel finds."""
        scores = np.full(selected.size, np.nan)
        paragraphs = self.paragraph[selected]
        function(selected, paragraphs, self.row_ptr, self.token, self.rows, self.question(), scores)
        return scores

    def expected(self) -> NDArray[np.float64]:
        """Return the score of every row as a sum of two products of sparse matrices with the question."""
        size = len(self.unigram)
        row = np.repeat(np.arange(len(self.token)), self.rows.counts)
        place = self.token.astype(np.int64)[row] + self.rows.piece_ptr[self.paragraph[row]] + (self.rows.entries >> 1)
        pieces = np.append(self.rows.pieces, 0).astype(np.int64)
        single = self.rows.entries & 1 == 0
        weights = self.rows.weights.astype(np.float64)
        shape = len(self.token), size
        unigrams = csr_array((weights[single], (row[single], pieces[place[single]])), shape)
        pairs = pieces[place[~single]] * size + pieces[place[~single] + 1]
        bigrams = csr_array((weights[~single], (row[~single], pairs)), (len(self.token), size * size))
        scores: NDArray[np.float64] = unigrams @ self.unigram + bigrams @ self.bigram.ravel()
        return scores


def sample(seed: int, *, paragraphs: int = 4, tokens: int = 9, vocabulary: int = 7, dtype: Any = np.uint16) -> Sample:
    """Return random rows of paragraphs of at most `tokens` word pieces, with a question of random n-grams."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, tokens + 1, paragraphs)
    rows_of = [np.flatnonzero(random.random(length) < 0.6) for length in lengths]
    counts, entries = [], []
    for length, kept in zip(lengths.tolist(), rows_of, strict=True):
        for token in kept.tolist():
            names = [2 * (place - token) for place in range(length)]
            names += [2 * (place - token) + 1 for place in range(length - 1)]
            chosen = np.flatnonzero(random.random(len(names)) < random.random())
            counts.append(len(chosen))
            entries += sorted(names[place] for place in chosen)
    row_ptr = np.cumsum([0, *map(len, rows_of)])
    rows = SparseRows(
        np.array(counts, np.uint8),
        np.cumsum([0, *counts])[row_ptr],
        np.array(entries, np.int16),
        random.integers(0, 256, len(entries)).astype(np.uint8),
        random.integers(0, vocabulary, lengths.sum()).astype(dtype),
        np.cumsum([0, *lengths]),
    )
    return Sample(
        row_ptr,
        np.concatenate(rows_of).astype(dtype),
        rows,
        random.random(vocabulary) * (random.random(vocabulary) < 0.5),
        random.random((vocabulary, vocabulary)) * (random.random((vocabulary, vocabulary)) < 0.3),
    )
