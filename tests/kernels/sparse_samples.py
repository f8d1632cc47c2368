"""Random sparse factors with a question, and scores by explicit vocabulary vectors: V and V * V columns of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from densephrase.kernels.mapped import Places
from densephrase.kernels.sparse import LARGEST_WEIGHT, SparseQuestion, SparseRows, no_factor_books

STEP = 2.0**-40
NO_NGRAMS = SparseQuestion(
    np.empty(0, np.int16), np.empty(0, np.int64), np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), 1
)


@dataclass
class SampleQuestion:
    """The weights of all uni- and bigrams over a vocabulary, for starts and for ends."""

    unigram: NDArray[np.int64]  # [2, V]
    bigram: NDArray[np.int64]  # [2, V, V]

    def table(self, side: int) -> SparseQuestion:
        """Return the n-grams that weigh something on any side, with their weights on one, as the kernel takes them."""
        first, second = np.nonzero(self.bigram.any(axis=0))
        pieces = np.union1d(np.flatnonzero(self.unigram.any(axis=0)), first)
        slot = np.full(int(pieces[-1]) + 1 if pieces.size else 0, -1, np.int16)
        slot[pieces] = np.arange(pieces.size)
        pair_ptr = np.searchsorted(first, np.append(pieces, self.unigram.shape[1])).astype(np.int64)
        return SparseQuestion(
            slot, self.unigram[side, pieces], pair_ptr, second.astype(np.int64), self.bigram[side, first, second], STEP
        )


@dataclass
class Sample:
    """Rows of one side of a few paragraphs, and a question over the same vocabulary."""

    row_ptr: NDArray[np.int64]
    token: NDArray[np.uint16] | NDArray[np.int32]
    rows: SparseRows
    question: SampleQuestion

    @property
    def paragraph(self) -> NDArray[np.int64]:
        """The paragraph of each row."""
        return np.repeat(np.arange(len(self.row_ptr) - 1), np.diff(self.row_ptr))

    @property
    def pieces(self) -> NDArray[np.int64]:
        """The word pieces of all paragraphs."""
        return np.concatenate([column.astype(np.int64) for column in self.rows.pieces])

    def find(self, function: Callable[..., None], selected: NDArray[np.int64]) -> list[float]:
        """Return the scores that the kernel finds."""
        scores = np.full(selected.size, np.nan)
        question = self.question.table(self.rows.side)
        function(selected, self.paragraph[selected], Places.of(self.token), self.rows, question, scores)
        return scores.tolist()

    def expected(self) -> NDArray[np.float64]:
        """Return the score of every row as a sum of two products of sparse matrices of integers with the question."""
        size = self.question.unigram.shape[1]
        side, rank = self.rows.side, self.rows.queries.shape[1] // 2
        pieces = np.append(self.pieces, 0)
        names = pieces[:-1], pieces[:-1] * size + pieces[1:]
        questions = self.question.unigram[side], self.question.bigram[side].ravel()
        scores = np.zeros(len(self.token), np.int64)
        for order, (columns, question) in enumerate(zip(names, questions, strict=True)):
            weights = np.zeros((len(self.token), len(columns)), np.int64)
            query = self.rows.queries.reshape(-1, 2, rank)[:, order].astype(np.int64)
            key = self.rows.keys.reshape(-1, 4, rank)[:, 2 * side + order].astype(np.int64)
            for row, paragraph in enumerate(self.paragraph):
                first, stop = self.rows.piece_ptr[paragraph], self.rows.piece_ptr[paragraph + 1] - order
                weights[row, first:stop] = np.maximum(query[row] @ key[first:stop].T, 0)
                own = int(first) + int(self.token[row])
                weights[row, max(own - order, first) : own + 1] = 0
            places = np.arange(len(columns))
            vocabulary = csr_array((np.ones(len(places), np.int64), (places, columns)), (len(places), len(question)))
            scores += csr_array(weights) @ vocabulary @ question
        return scores * STEP


def sample_question(
    random: np.random.Generator, vocabulary: int, largest: int = LARGEST_WEIGHT, share: float = 0.3
) -> SampleQuestion:
    """Return random weights, most of them 0."""
    weights = [
        random.integers(-largest, largest + 1, shape) * (random.random(shape) < share)
        for shape in ((2, vocabulary), (2, vocabulary, vocabulary))
    ]
    return SampleQuestion(weights[0], weights[1])


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
    """Return random rows of paragraphs of at most `tokens` word pieces, with a question of random n-grams.

    Both sides of a seed have the same paragraphs and the same question.
    """
    random = np.random.default_rng(seed)
    lengths = random.integers(1, tokens + 1, paragraphs)
    pieces = random.integers(0, vocabulary, lengths.sum()).astype(dtype)
    keys = random.integers(-127, 128, (int(lengths.sum()), 4 * rank), np.int8)
    question = sample_question(random, vocabulary)
    random = np.random.default_rng((seed, side))
    rows_of = [np.flatnonzero(random.random(length) < 0.6) for length in lengths]
    row_ptr = np.cumsum([0, *map(len, rows_of)])
    queries = random.integers(-127, 128, (int(row_ptr[-1]), 2 * rank), np.int8)
    rows = SparseRows(queries, keys, side, Places.of(pieces), np.cumsum([0, *lengths]), no_factor_books())
    return Sample(row_ptr, np.concatenate([*rows_of, np.empty(0, np.int64)]).astype(dtype), rows, question)
