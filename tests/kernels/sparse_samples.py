"""Random sparse factors with a question, and scores by explicit vocabulary vectors: V and V * V columns of them."""

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
        function(selected, self.paragraph[selected], self.token, self.rows, self.question(), scores)
        return scores

    def expected(self) -> NDArray[np.float64]:
        """Return the score of every row as a sum of two products of sparse matrices with the question."""
        size = len(self.unigram)
        rank = self.rows.queries.shape[1] // 2
        pieces = np.append(self.rows.pieces, 0).astype(np.int64)
        names = (np.arange(len(pieces) - 1), pieces[:-1]), (np.arange(len(pieces) - 1), pieces[:-1] * size + pieces[1:])
        scores = np.zeros(len(self.token))
        questions = (self.unigram, self.bigram.ravel())
        for order, ((places, columns), question) in enumerate(zip(names, questions, strict=True)):
            weights = np.zeros((len(self.token), len(places)))
            query = self.rows.queries.reshape(-1, 2, rank)[:, order].astype(np.int64)
            key = self.rows.keys.reshape(-1, 4, rank)[:, 2 * self.rows.side + order].astype(np.int64)
            for row, paragraph in enumerate(self.paragraph):
                first, stop = self.rows.piece_ptr[paragraph], self.rows.piece_ptr[paragraph + 1] - order
                weights[row, first:stop] = np.maximum(query[row] @ key[first:stop].T, 0)
                own = int(first) + int(self.token[row])
                weights[row, own] = 0
                weights[row, max(own - order, 0)] = 0 if own - order >= first else weights[row, max(own - order, 0)]
            vocabulary = csr_array((np.ones(len(places)), (places, columns)), (len(places), len(question)))
            scores += csr_array(weights) @ vocabulary @ question
        return scores


def sample(
    seed: int,
    *,
    paragraphs: int = 4,
    tokens: int = 9,
    vocabulary: int = 7,
    rank: int = 3,
    side: int = 0,
    dtype: Any = np.uint16,
) -> Sample:
    """Return random rows of paragraphs of at most `tokens` word pieces, with a question of random n-grams."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, tokens + 1, paragraphs)
    rows_of = [np.flatnonzero(random.random(length) < 0.6) for length in lengths]
    row_ptr = np.cumsum([0, *map(len, rows_of)])
    rows = SparseRows(
        random.integers(-127, 128, (int(row_ptr[-1]), 2 * rank), np.int8),
        random.integers(-127, 128, (int(lengths.sum()), 4 * rank), np.int8),
        side,
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
