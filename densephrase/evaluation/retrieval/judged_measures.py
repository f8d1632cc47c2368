"""Measures of runs by judgements: recall and nDCG by ir-measures, the mean reciprocal rank by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from itertools import islice
from typing import Any

from densephrase.corpus.files.records import shorten
from densephrase.errors import EvaluationError, MissingExtraError
from densephrase.evaluation.retrieval.judgements import Judgements
from densephrase.evaluation.retrieval.runs import Ranking, falling_scores

RR_CUTOFF = 10  # MS MARCO's
NDCG_CUTOFF = 10  # BEIR's
_LONGEST_ID = 60  # characters shown


def mean_reciprocal_rank(ranks: Iterable[int | None], cutoff: int = RR_CUTOFF) -> float | None:
    """Return the mean of 1 / rank, which is 0 where there is none within the cut-off; None for no ranks at all.

    Source: MRR@10 of MS MARCO (Nguyen et al. 2016), over the judged questions.
    """
    reciprocal = [0.0 if rank is None or rank > cutoff else 1 / rank for rank in ranks]
    return sum(reciprocal) / len(reciprocal) if reciprocal else None


def check_measurable(question_ids: Sequence[str], judgements: Judgements) -> None:
    """Refuse what cannot be measured, before it is asked for.

    Raises:
        EvaluationError: if none of the questions is judged.
        MissingExtraError: if ir-measures is not installed.
    """
    if not any(question_id in judgements for question_id in question_ids):
        raise EvaluationError(
            f"None of the {len(question_ids)} questions has a judgement. Questions have ids such as"
            f" {_some(question_ids)}, judgements such as {_some(judgements)}; give both with the same ids."
        )
    _load_ir_measures()


def judged_measures(
    run: Mapping[str, Ranking], judgements: Judgements, recall_cutoffs: Iterable[int], asked_for: int = RR_CUTOFF
) -> dict[str, Any]:
    """Return `questions`, `recall` by cut-off, `mrr` and `ndcg` at 10, each the mean over the judged questions asked.

    run: the ranking of each question that was asked, empty where nothing was found.
    asked_for: how many ids of a question were; where these are fewer than 10, `mrr` and `ndcg` are at so many.

    Recall is the share of a question's relevant ids within the cut-off; nDCG has the grade as gain and log2(rank + 1)
    as discount, as in trec_eval (Järvelin and Kekäläinen 2002). A negative grade counts as 0.

    Raises:
        EvaluationError, MissingExtraError: as `check_measurable` does; EvaluationError if a ranking is none.
    """
    check_measurable(list(run), judgements)
    judged = {
        question_id: {identity: max(grade, 0) for identity, grade in judgements[question_id].items()}
        for question_id in run
        if question_id in judgements
    }
    cutoffs = sorted(set(recall_cutoffs))
    mrr, ndcg = (min(cutoff, asked_for) for cutoff in (RR_CUTOFF, NDCG_CUTOFF))
    measured = _measure(judged, {question_id: run[question_id] for question_id in judged}, cutoffs, ndcg)
    ranks = (_first_relevant(run[question_id], grades) for question_id, grades in judged.items())
    return {
        "questions": len(judged),
        "recall": {str(cutoff): measured[f"R@{cutoff}"] for cutoff in cutoffs},
        "mrr": {str(mrr): mean_reciprocal_rank(ranks, mrr)},
        "ndcg": {str(ndcg): measured[f"nDCG@{ndcg}"]},
    }


def _measure(
    judged: Judgements, run: Mapping[str, Ranking], cutoffs: Iterable[int], ndcg_cutoff: int
) -> dict[str, float]:
    """Return the means of ir-measures by their names."""
    ir_measures = _load_ir_measures()
    scored = {
        question_id: {
            identity: score
            for (identity, _), score in zip(ranking, falling_scores([score for _, score in ranking]), strict=True)
        }
        for question_id, ranking in run.items()
    }
    measures = [ir_measures.nDCG @ ndcg_cutoff, *(ir_measures.R @ cutoff for cutoff in cutoffs)]
    found = ir_measures.calc_aggregate(measures, judged, scored)
    return {str(measure): float(value) for measure, value in found.items()}


def _load_ir_measures() -> Any:
    try:
        return import_module("ir_measures")
    except ImportError as error:
        raise MissingExtraError("ir-measures", "Recall and nDCG", "evaluation") from error


def _first_relevant(ranking: Ranking, grades: Mapping[str, int]) -> int | None:
    relevant = (rank for rank, (identity, _) in enumerate(ranking, 1) if grades.get(identity, 0) > 0)
    return next(relevant, None)


def _some(ids: Iterable[str]) -> str:
    return " and ".join(repr(shorten(identity, _LONGEST_ID)) for identity in islice(ids, 2)) or "none"
