"""The figures of an evaluation, summed up over its questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from densephrase.evaluation.result import Result

_CUTOFFS = (1, 5, 10, 20, 50, 100)


class Summary:
    """Sums up results as they come, so that none of their texts need to be kept."""

    def __init__(self, top_k: int | None) -> None:
        """Count at the usual cut-offs up to `top_k`; None for a closed evaluation, which has one answer a question."""
        self._cutoffs = [] if top_k is None else sorted({cutoff for cutoff in _CUTOFFS if cutoff < top_k} | {top_k})
        self._exact: list[bool] = []
        self._f1: list[float] = []
        self._exact_ranks: list[int | None] = []
        self._context_ranks: list[int | None] = []
        self._paragraph_ranks: list[int | None] = []
        self._answer_paragraphs: list[int] = []
        self._right_paragraph: list[bool] = []
        self._seconds: list[float] = []
        self._answerable: list[bool] = []
        self._answered: list[bool] = []

    def add(self, result: Result) -> None:
        """Count one question."""
        self._exact.append(result.exact_match)
        self._f1.append(result.f1)
        self._exact_ranks.append(result.first_exact_rank)
        self._context_ranks.append(result.first_context_rank)
        self._answerable.append(bool(result.question.answers))
        self._answered.append(bool(result.answers))
        if result.paragraphs is not None:
            self._paragraph_ranks.append(result.first_paragraph_rank)
        if result.answer_paragraphs is not None:
            self._answer_paragraphs.append(result.answer_paragraphs)
        if result.right_paragraph is not None:
            self._right_paragraph.append(result.right_paragraph)
        if result.seconds is not None:
            self._seconds.append(result.seconds)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures: `em`, `f1` and `em_top_k` in percent, accuracies as shares in [0, 1].

        Everything is over all questions, those without reference answers included; `has_answer` and `no_answer` part
        them as SQuAD v2.0 does and are None where all have references. `answered` is the share of questions that got
        an answer; `paragraph_accuracy` is over those with a known paragraph and None where there are none.
        `top_k_accuracy` looks into the paragraphs of the first k answers, several of which stand in the same one:
        `paragraphs_of_answers` is how many all answers have on average. `paragraph_top_k_accuracy` looks into the first
        k paragraphs of a search for paragraphs (DPR's top-k accuracy), and is None where there was none.
        """
        unanswerable = len(self._exact) - sum(self._answerable)
        return {
            "questions": len(self._exact),
            "questions_without_answers": unanswerable,
            "answered": _mean(self._answered),
            "em": _percent(_mean(self._exact)),
            "f1": _percent(_mean(self._f1)),
            "has_answer": self._split(True) if unanswerable else None,
            "no_answer": self._split(False) if unanswerable else None,
            "em_top_k": {str(k): _percent(_share_within(self._exact_ranks, k)) for k in self._cutoffs} or None,
            "top_k_accuracy": {str(k): _share_within(self._context_ranks, k) for k in self._cutoffs} or None,
            "paragraphs_of_answers": _mean(self._answer_paragraphs),
            "paragraph_top_k_accuracy": {str(k): _share_within(self._paragraph_ranks, k) for k in self._cutoffs}
            if self._paragraph_ranks
            else None,
            "paragraph_accuracy": _mean(self._right_paragraph),
            "seconds_per_question": seconds_per_question(self._seconds),
        }

    def _split(self, answerable: bool) -> dict[str, Any]:
        """Return the figures of the questions with references, or of those without."""
        rows = [row for row, known in enumerate(self._answerable) if known is answerable]
        return {
            "questions": len(rows),
            "em": _percent(_mean([self._exact[row] for row in rows])),
            "f1": _percent(_mean([self._f1[row] for row in rows])),
        }


def seconds_per_question(seconds: Sequence[float]) -> dict[str, float | None]:
    """Return mean and percentiles (linear interpolation); None each where nothing was timed."""
    if not seconds:
        return {"mean": None, "p50": None, "p95": None, "p99": None}
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    return {"mean": float(np.mean(seconds)), "p50": float(p50), "p95": float(p95), "p99": float(p99)}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _share_within(ranks: Iterable[int | None], cutoff: int) -> float | None:
    return _mean([rank is not None and rank <= cutoff for rank in ranks])


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
