"""Figures of a retriever, worked out by hand and compared with those of ir-measures."""

from __future__ import annotations

import random

import ir_measures
import pytest

from densephrase.data import Question
from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval.passage_result import PassageResult
from densephrase.evaluation.retrieval.passage_summary import PassageSummary
from tests.evaluation.retrieval.passages import whole


def result(
    identity: str = "q",
    answer: int | None = None,
    gold: int | None = None,
    known: bool = True,
    references: tuple[str, ...] = ("x",),
    found: int = 1,
) -> PassageResult:
    passages = tuple(whole(f"d{rank}", "text", -rank) for rank in range(found))
    return PassageResult(Question(identity, "?", references), passages, answer, gold, known, 0.1)


def summarise(top_k: int, *results: PassageResult, batch: int | None = None) -> dict[str, object]:
    summary = PassageSummary(top_k)
    for one in results:
        summary.add(one)
    return summary.to_dict(batch)


def test_figures() -> None:
    figures = summarise(
        100,
        result(answer=1, gold=2),
        result(answer=4, gold=None),
        result(answer=20, known=False),
        result(answer=None, found=0, known=False),
        result(references=(), gold=11),
    )
    assert figures == {
        "questions": 5,
        "questions_without_answers": 1,
        "with_results": 0.8,
        "top_k_accuracy": {"1": 0.2, "5": 0.4, "20": 0.6, "100": 0.6},
        "answer_mrr": {"10": pytest.approx((1 + 1 / 4) / 5)},
        "gold": {"questions": 3, "mrr": {"10": pytest.approx((1 / 2) / 3)}},
        "judged": None,
        "seconds_per_question": pytest.approx({"mean": 0.1, "p50": 0.1, "p95": 0.1, "p99": 0.1}),
    }


def test_cutoffs_end_at_top_k() -> None:
    figures = summarise(8, result(answer=7))
    assert figures["top_k_accuracy"] == {"1": 0, "5": 0, "8": 1}
    assert figures["answer_mrr"] == {"8": pytest.approx(1 / 7)}


def test_without_references_or_gold_paragraphs_there_are_no_such_figures() -> None:
    figures = summarise(5, result(references=(), known=False))
    assert figures["top_k_accuracy"] is figures["answer_mrr"] is figures["gold"] is None
    assert summarise(5)["with_results"] is None


def test_batches_have_a_mean_time_alone() -> None:
    seconds = summarise(5, result(), result(), batch=2)["seconds_per_question"]
    assert seconds == {"mean": pytest.approx(0.1), "p50": None, "p95": None, "p99": None}


def test_an_id_of_two_questions_is_refused_where_it_counts() -> None:
    summary = PassageSummary(5, {"q": {"d0:0-4": 1}})
    summary.add(result())
    with pytest.raises(EvaluationError, match="'q'"):
        summary.add(result())


def test_accuracy_and_ranks_are_those_of_ir_measures() -> None:
    """Each passage with an answer is judged relevant: success is DPR's accuracy."""
    rng = random.Random(3)
    summary = PassageSummary(100)
    judged, run = {}, {}
    for number in range(60):
        texts = [rng.choice(["x", *"abcdefghijklmnop" * rng.randint(1, 3)]) for _ in range(rng.randint(0, 40))]
        passages = [whole(f"d{rank}", text, -rank) for rank, text in enumerate(texts)]
        question = Question(f"q{number}", "?", ("x",))
        summary.add(PassageResult.of(question, passages, 0.0))
        judged[question.id] = {passage.id: int(passage.text == "x") for passage in passages} | {"other": 1}
        run[question.id] = {passage.id: passage.score for passage in passages}
    measures = [ir_measures.RR @ 10, *(ir_measures.Success @ cutoff for cutoff in (1, 5, 20, 100))]
    expected = {str(measure): value for measure, value in ir_measures.calc_aggregate(measures, judged, run).items()}
    figures = summary.to_dict()
    assert figures["answer_mrr"] == {"10": pytest.approx(expected["RR@10"])}
    assert figures["top_k_accuracy"] == pytest.approx({str(k): expected[f"Success@{k}"] for k in (1, 5, 20, 100)})
    assert 0 < figures["answer_mrr"]["10"] < figures["top_k_accuracy"]["20"] < 1
