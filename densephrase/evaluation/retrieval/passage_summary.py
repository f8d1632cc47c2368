"""The figures of a retriever, summed up over its questions."""

from __future__ import annotations

from typing import Any

from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval.judged_measures import RR_CUTOFF, judged_measures, mean_reciprocal_rank
from densephrase.evaluation.retrieval.judgements import Judgements
from densephrase.evaluation.retrieval.passage_result import PassageResult
from densephrase.evaluation.retrieval.runs import ranking_of
from densephrase.evaluation.summary import seconds_per_question
from densephrase.retrieve.retriever import RankedUnit

_CUTOFFS = (1, 5, 20, 100)


class PassageSummary:
    """Sums up results as they come, so that none of their texts need to be kept."""

    def __init__(self, top_k: int, judgements: Judgements | None = None, unit: RankedUnit = "passage") -> None:
        """Count at the usual cut-offs up to `top_k`.

        judgements: by the ids of questions; questions without any have no part in recall and nDCG.
        unit: what the judgements name, passages or documents.
        """
        self._cutoffs = sorted({cutoff for cutoff in _CUTOFFS if cutoff < top_k} | {top_k})
        self._rr_cutoff = min(RR_CUTOFF, top_k)
        self._judgements, self._unit = judgements, unit
        self._run: dict[str, list[tuple[str, float]]] = {}
        self._answer_ranks: list[int | None] = []
        self._gold_ranks: list[int | None] = []
        self._seconds: list[float] = []
        self._found = self._without_answers = 0

    def add(self, result: PassageResult) -> None:
        """Count one question.

        Raises:
            EvaluationError: if there are judgements and the question's id was counted before.
        """
        self._answer_ranks.append(result.answer_rank)
        if result.is_gold_known:
            self._gold_ranks.append(result.gold_rank)
        self._seconds.append(result.seconds)
        self._found += bool(result.passages)
        self._without_answers += not result.question.answers
        if self._judgements is not None:
            identity = result.question.id
            if identity in self._run:
                raise EvaluationError(
                    f"Two questions have the id {identity!r}; judgements need one id for each question."
                )
            self._run[identity] = ranking_of(result.passages, self._unit)

    def to_dict(self, batch: int | None = None) -> dict[str, Any]:
        """Return the figures: accuracies, recalls and the like are shares in [0, 1].

        `top_k_accuracy` (DPR) is the share of all questions, those without results or references included, with an
        answer in the first k passages, and `answer_mrr` the mean reciprocal rank of the first such passage; both are
        None where no question has references. `gold` holds the mean reciprocal rank of the first gold passage, over
        the questions whose gold paragraph is known, None where there are none. `judged` holds what `judged_measures`
        gives, None without judgements.

        batch: how many questions were asked at once; then times have a mean and no percentiles.

        Raises:
            EvaluationError, MissingExtraError: as `judged_measures` does.
        """
        count = len(self._answer_ranks)
        has_references = self._without_answers < count
        seconds = seconds_per_question(self._seconds)
        cutoff = self._rr_cutoff
        return {
            "questions": count,
            "questions_without_answers": self._without_answers,
            "with_results": self._found / count if count else None,
            "top_k_accuracy": {str(k): self._accuracy(k) for k in self._cutoffs} if has_references else None,
            "answer_mrr": {str(cutoff): mean_reciprocal_rank(self._answer_ranks, cutoff)} if has_references else None,
            "gold": self._gold(cutoff),
            "judged": self._judged(),
            "seconds_per_question": seconds if batch is None else seconds_per_question([]) | {"mean": seconds["mean"]},
        }

    def _accuracy(self, cutoff: int) -> float:
        hits = sum(rank is not None and rank <= cutoff for rank in self._answer_ranks)
        return hits / len(self._answer_ranks)

    def _gold(self, cutoff: int) -> dict[str, Any] | None:
        if not self._gold_ranks:
            return None
        return {
            "questions": len(self._gold_ranks),
            "mrr": {str(cutoff): mean_reciprocal_rank(self._gold_ranks, cutoff)},
        }

    def _judged(self) -> dict[str, Any] | None:
        if self._judgements is None:
            return None
        return {"unit": self._unit, **judged_measures(self._run, self._judgements, self._cutoffs, self._rr_cutoff)}
