"""BM25 in training: what search adds to the score of a phrase, for the questions and windows of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from densephrase.terms.bm25 import PARAGRAPH_BM25
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow


class WindowBM25:
    """BM25 of the paragraphs of all training windows, whose numbers of terms and documents it counts."""

    def __init__(self, windows: Sequence[TrainingWindow]) -> None:
        self._vocabulary = make_vocabulary(window.terms for window in windows)
        self._weights = bm25_weights(count_terms([window.terms for window in windows], self._vocabulary))

    def of(self, windows: Sequence[int], questions: Sequence[TrainingQuestion]) -> NDArray[np.float32]:
        """Return the BM25 score of each question in each of the windows of these numbers, float32 [Q, P]."""
        asked = count_terms([question.terms for question in questions], self._vocabulary)
        scores: NDArray[np.float32] = (asked @ self._weights[list(windows)].T).toarray()
        return scores


def make_vocabulary(texts: Iterable[Iterable[str]]) -> dict[str, int]:
    """Return a number for each term of texts, each a list of terms."""
    return {term: number for number, term in enumerate(dict.fromkeys(chain.from_iterable(texts)))}


def count_terms(texts: Sequence[Sequence[str]], vocabulary: dict[str, int]) -> Any:
    """Return how often each text holds each term, a sparse matrix float32 [texts, vocabulary]; others are ignored."""
    known = [[vocabulary[term] for term in text if term in vocabulary] for text in texts]
    columns = np.fromiter(chain.from_iterable(known), np.int64)
    pointers = np.cumsum([0, *map(len, known)])
    matrix = sparse.csr_matrix((np.ones(len(columns), np.float32), columns, pointers), (len(texts), len(vocabulary)))
    matrix.sum_duplicates()
    return matrix


def bm25_weights(counts: Any) -> Any:
    """Return the weight that search gives each term of each text, of the same shape."""
    length = np.asarray(counts.sum(1)).ravel().astype(np.int32)
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    norm = PARAGRAPH_BM25.length_norm(length)
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    weights = PARAGRAPH_BM25.term_weights(frequency, counts.shape[0])[counts.indices]
    values = (weights * counts.data / (counts.data + norm[rows])).astype(np.float32)
    return sparse.csr_matrix((values, counts.indices, counts.indptr), counts.shape)
