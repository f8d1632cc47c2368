"""Figures over several questions, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from densephrase.data import Question
from densephrase.evaluation.result import Result
from densephrase.evaluation.summary import Summary, seconds_per_question


def result(
    exact: bool = False,
    f1: float = 0.0,
    exact_rank: int | None = None,
    context_rank: int | None = None,
    right: bool | None = None,
    seconds: float | None = None,
    references: tuple[str, ...] = ("x",),
) -> Result:
    return Result(Question("q", "?", references), (), exact, f1, exact_rank, context_rank, right, seconds)


def summarise(top_k: int | None, *results: Result) -> dict[str, object]:
    summary = Summary(top_k)
    for one in results:
        summary.add(one)
    return summary.to_dict()


def test_open_figures() -> None:
    figures = summarise(
        10,
        result(True, 1.0, 1, 1, True, 0.1),
        result(False, 0.5, 4, 2, True, 0.2),
        result(False, 0.0, None, 10, False, 0.3),
        result(False, 0.0, None, None, None, 0.4, references=()),
    )
    assert figures["questions"] == 4
    assert figures["questions_without_answers"] == 1
    assert figures["em"] == 25.0
    assert figures["f1"] == 37.5
    assert figures["em_top_k"] == {"1": 25.0, "5": 50.0, "10": 50.0}
    assert figures["top_k_accuracy"] == {"1": 0.25, "5": 0.5, "10": 0.75}
    assert figures["paragraph_accuracy"] == pytest.approx(2 / 3)
    assert figures["seconds_per_question"] == pytest.approx({"mean": 0.25, "p50": 0.25, "p95": 0.385, "p99": 0.397})


def test_paragraphs_are_counted_beside_answers() -> None:
    ranks = [(3, 2, 1), (2, None, 8), (1, 4, None)]
    figures = summarise(
        10,
        *(
            replace(result(context_rank=context), answer_paragraphs=mine, first_paragraph_rank=rank, paragraphs=10)
            for mine, rank, context in ranks
        ),
        result(),  # whose paragraphs were not searched
    )
    assert figures["top_k_accuracy"] == {"1": 0.25, "5": 0.25, "10": 0.5}
    assert figures["paragraph_top_k_accuracy"] == pytest.approx({"1": 0, "5": 2 / 3, "10": 2 / 3})
    assert figures["paragraphs_of_answers"] == 2


def test_closed_figures_have_no_ranks_and_no_times() -> None:
    figures = summarise(None, result(True, 1.0, 1))
    assert figures["em"] == 100.0
    assert figures["em_top_k"] is figures["top_k_accuracy"] is figures["paragraph_accuracy"] is None
    assert figures["paragraph_top_k_accuracy"] is figures["paragraphs_of_answers"] is None
    assert figures["seconds_per_question"] == {"mean": None, "p50": None, "p95": None, "p99": None}


@pytest.mark.parametrize(
    ("top_k", "cutoffs"), [(1, ["1"]), (5, ["1", "5"]), (7, ["1", "5", "7"]), (30, ["1", "5", "10", "20", "30"])]
)
def test_cutoffs_end_at_top_k(top_k: int, cutoffs: list[str]) -> None:
    assert list(summarise(top_k, result())["top_k_accuracy"]) == cutoffs  # type: ignore[call-overload]


def test_nothing_asked_gives_no_figures() -> None:
    figures = summarise(5)
    assert figures["questions"] == 0
    assert figures["em"] is None


def test_percentiles_are_numpys() -> None:
    seconds = np.random.default_rng(0).exponential(size=101).tolist()
    assert seconds_per_question(seconds)["p95"] == pytest.approx(np.quantile(seconds, 0.95))
