"""Upper bounds of the scores of phrases, for every paragraph of an index and many questions at once.

A phrase's score is at most the best start with the best coherency that it has with an end it reaches, the best end,
the term scores, and for each n-gram that the paragraph shares with the question the largest weight that any of its rows
gives it. All that does not depend on the question is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csc_matrix

from benchmarks.exhaustive.stored_rows import StoredRows, best_coherency, largest_weights, stored_rows
from densephrase.encoder.encoded import QuestionNgrams, QuestionVectors
from densephrase.encoder.question.question_encoder import QuestionEncoder
from densephrase.encoder.question_ngrams import PAIR
from densephrase.index.index_reader import IndexReader
from densephrase.index.shards.shard import Shard

Bounds = NDArray[np.float32]


class ParagraphBounds:
    """Upper bounds of what vectors and sparse vectors add to the phrases of each paragraph; terms come to them."""

    def __init__(self, reader: IndexReader, encoder: QuestionEncoder) -> None:
        """Read every row of the index once; rows of a compact one are kept in memory as they decode."""
        config, scale = encoder.config, encoder.sparse_scale
        quantisers = encoder.start_quantiser, encoder.end_quantiser
        self._sides: list[tuple[StoredRows, StoredRows]] = []
        self._coherency: list[Bounds] = []
        phrases, ngrams = [], []
        for number, shard in enumerate(reader.shards):
            rows = stored_rows(reader, number, quantisers)
            best = best_coherency(*rows, config.vector_size, config.max_answer_tokens)
            self._sides.append(rows)
            self._coherency.append(best)
            reaching = np.concatenate([[0], np.cumsum(np.isfinite(best))])
            phrases.append(reaching[rows[0].ptr[1:]] - reaching[rows[0].ptr[:-1]])
            if scale is not None and shard.token_keys.size:
                ngrams.append(_Ngrams.of(shard, largest_weights(shard, rows, scale)))
        self.phrases: NDArray[np.int64] = np.concatenate(phrases)  # starts of each paragraph that reach an end, [P]
        self._ngrams = ngrams

    def of(self, vectors: QuestionVectors) -> Bounds:
        """Return the bounds of each paragraph for Q questions, float32 [P, Q]; -inf for one without phrases."""
        parts = []
        for (starts, ends), coherency in zip(self._sides, self._coherency, strict=True):
            nothing = np.zeros(len(ends.token), np.float32)
            parts.append(starts.best_products(vectors.start, coherency) + ends.best_products(vectors.end, nothing))
        if self._ngrams and vectors.sparse is not None:
            for part, known in zip(parts, self._ngrams, strict=True):
                part += known.bounds(vectors.sparse)
        return np.concatenate(parts)


class _Ngrams:
    """The largest weight of each n-gram in the paragraphs of a shard, summed over its places."""

    def __init__(self, names: tuple[NDArray[np.int64], ...], weights: list[csc_matrix[Any]]) -> None:
        self._names, self._weights = names, weights

    @classmethod
    def of(cls, shard: Shard, largest: Bounds) -> _Ngrams:
        """Add up `largest` float32 [4, T] by paragraph and n-gram."""
        pieces = shard.token_ids.astype(np.int64)
        owner = np.repeat(np.arange(shard.counts.paragraphs), shard.paragraph_tokens)
        pairs = pieces * PAIR + np.append(pieces[1:], 0)  # the last one of a paragraph weighs nothing
        names, weights = [], []
        for order, found in enumerate((pieces, pairs)):
            known, column = np.unique(found, return_inverse=True)
            names.append(known)
            for side in range(2):
                filled = np.flatnonzero(largest[2 * side + order])
                places = owner[filled], column[filled]
                shape = shard.counts.paragraphs, len(known)
                weights.append(coo_matrix((largest[2 * side + order, filled], places), shape).tocsc())
        return cls(tuple(names), weights)

    def bounds(self, questions: Sequence[QuestionNgrams]) -> Bounds:
        """Return what sparse vectors add to a phrase at most, float32 [P, Q]."""
        total = np.zeros((self._weights[0].shape[0], len(questions)), np.float32)
        for order, names in enumerate(self._names):
            asked = [
                (item.bigrams, item.bigram_weights) if order else (item.unigrams, item.unigram_weights)
                for item in questions
            ]
            question = np.repeat(np.arange(len(asked)), [len(found) for found, _ in asked])
            wanted = np.concatenate([found.astype(np.int64) for found, _ in asked])
            row = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
            known = names[row] == wanted
            for side in range(2):
                own = np.maximum(np.concatenate([weight[side] for _, weight in asked]), 0)
                places = row[known], question[known]
                matrix = coo_matrix((own[known], places), (len(names), len(questions))).tocsc()
                total += (self._weights[2 * order + side] @ matrix).toarray()
        return total
