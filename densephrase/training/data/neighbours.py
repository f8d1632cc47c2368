"""Hard negatives (DenSPI, section 4.3): paragraphs that BM25 takes for each other, or whose questions are alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.training.data.examples import TrainingWindow
from densephrase.training.data.term_scores import bm25_weights, count_terms, make_vocabulary

_CHUNK = 512  # windows whose rivals are ranked together


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The windows that stand beside their rivals in a batch; all others stand beside windows of their article."""

    windows: NDArray[np.int64]  # [M] their numbers, ascending
    rivals: NDArray[np.int64]  # [M, n] the numbers, out of `windows`, of the others that their questions fit best


def find_neighbours(windows: Sequence[TrainingWindow], kind: str, count: int) -> Neighbours:
    """Rank at most `count` rivals of windows, best first.

    kind "terms": by the BM25 of all questions of a window in the other's paragraph (BM25's mistakes); kind
    "questions": in the other's questions (paragraphs of similar questions); kind "article": as "terms", for windows
    that are alone in their article. Equal ones come in the order given.
    """
    sizes = Counter(window.article for window in windows)
    members = [number for number, window in enumerate(windows) if kind != "article" or sizes[window.article] == 1]
    chosen = [windows[number] for number in members]
    questions = [[term for question in window.questions for term in question.terms] for window in chosen]
    texts = questions if kind == "questions" else [window.terms for window in chosen]
    numbers = np.array(members, np.int64)
    return Neighbours(numbers, numbers[_rank(questions, texts, min(count, max(0, len(chosen) - 1)))])


def _rank(questions: Sequence[Sequence[str]], texts: Sequence[Sequence[str]], count: int) -> NDArray[np.int64]:
    """Return for each row of questions the other rows with the best texts, int64 [rows, count]."""
    vocabulary = make_vocabulary(texts)
    asked, weights = count_terms(questions, vocabulary), bm25_weights(count_terms(texts, vocabulary)).T.tocsr()
    ranked = np.empty((len(texts), count), np.int64)
    for first in range(0, len(texts), _CHUNK):
        scores = (asked[first : first + _CHUNK] @ weights).toarray()
        scores[np.arange(len(scores)), np.arange(first, first + len(scores))] = -1.0  # none is its own rival
        best = np.argpartition(-scores, min(count, scores.shape[1] - 1), axis=1)[:, :count]
        best.sort(axis=1)
        order = np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable")
        ranked[first : first + len(scores)] = np.take_along_axis(best, order, 1)
    return ranked
