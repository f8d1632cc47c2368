"""Which paragraphs a paragraph's questions could be mistaken to speak of: hard negatives (DenSPI, section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from densephrase.training.examples import TrainingWindow

_SATURATION, _LENGTH = 1.2, 0.75  # k1 and b of BM25
_CHUNK = 512  # windows whose rivals are ranked together


def rank_neighbours(windows: Sequence[TrainingWindow], kind: str, count: int) -> NDArray[np.int64]:
    """Return for each window the others that its questions fit best, int64 [W, at most count], best first.

    kind "terms": by the BM25 of all its questions with the other's text (BM25's mistakes); kind "questions": with the
    other's questions (paragraphs of similar questions). Terms are word pieces. Equal ones come in the order given.
    """
    vocabulary = 1 + max(max(chain(w.input_ids, *(q.input_ids for q in w.questions))) for w in windows)
    asked = _counts(
        [[piece for q in window.questions for piece in q.input_ids[1:-1]] for window in windows], vocabulary
    )
    text = asked if kind == "questions" else _counts([w.input_ids[w.first : w.last] for w in windows], vocabulary)
    weights = _bm25(text).T.tocsr()
    count = min(count, len(windows) - 1)
    ranked = np.empty((len(windows), count), np.int64)
    for first in range(0, len(windows), _CHUNK):
        scores = (asked[first : first + _CHUNK] @ weights).toarray()
        scores[np.arange(len(scores)), np.arange(first, first + len(scores))] = -1.0  # no window is its own rival
        best = np.argpartition(-scores, min(count, scores.shape[1] - 1), axis=1)[:, :count]
        best.sort(axis=1)
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
        ranked[first : first + len(scores)] = np.take_along_axis(best, order, 1)
    return ranked


def _counts(texts: Sequence[Sequence[int]], vocabulary: int) -> Any:
    """Return how often each text holds each piece, a sparse matrix float32 [texts, vocabulary]."""
    pieces = np.fromiter(chain.from_iterable(texts), np.int64)
    pointers = np.cumsum([0, *map(len, texts)])
    matrix = sparse.csr_matrix((np.ones(len(pieces), np.float32), pieces, pointers), (len(texts), vocabulary))
    matrix.sum_duplicates()
    return matrix


def _bm25(counts: Any) -> Any:
    """Return the BM25 weight of each piece in each text, of the same shape."""
    length = np.asarray(counts.sum(1)).ravel()
    documents = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log1p((counts.shape[0] - documents + 0.5) / (documents + 0.5))
    norm = _SATURATION * (1 - _LENGTH + _LENGTH * length / max(length.mean(), 1e-9))
    rows = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    saturated = counts.data * (_SATURATION + 1) / (counts.data + norm[rows])
    values = (saturated * rarity[counts.indices]).astype(np.float32)
    return sparse.csr_matrix((values, counts.indices, counts.indptr), counts.shape)
