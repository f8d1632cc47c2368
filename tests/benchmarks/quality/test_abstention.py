"""The abstention benchmark: thresholds like those of the command line, and tables that add up."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.quality.abstention import Answers, plot, risk_at, search_all, squad2_figures
from densephrase.data import Document, Question
from densephrase.errors import MissingExtraError
from densephrase.evaluation.result import score_span
from densephrase.search.plan.options import SearchOptions
from tests.search.conftest import MakeSearcher, make_searcher, random_documents
from tests.search.fake_encoder import FakeEncoder

__all__ = ["make_searcher"]  # a fixture

CONFIDENCES = {"right": 0.9, "wrong": 0.6, "robbed": 0.3, "none": None}


def results() -> list[Any]:
    made = []
    for name, confidence in CONFIDENCES.items():
        references = () if name == "robbed" else ("Paris",)
        text = "Paris" if name == "right" else "London"
        span = None if confidence is None else {"text": text, "score": 1.0, "confidence": confidence}
        made.append(score_span(Question(name, "Where?", references), span))
    return made


@pytest.mark.parametrize(
    ("least", "em", "answered"), [(0.0, 25, 0.75), (0.3, 25, 0.75), (0.5, 50, 0.5), (0.7, 50, 0.25), (1.0, 25, 0)]
)
def test_answers_below_the_threshold_are_withheld(least: float, em: float, answered: float) -> None:
    figures = squad2_figures(results(), least)
    assert (figures["em"], figures["answered"]) == (em, answered)


def test_questions_are_asked_with_and_without_their_documents(make_searcher: MakeSearcher) -> None:
    encoder = FakeEncoder(kept_starts=1, kept_ends=1)
    object.__setattr__(encoder.config, "confidence", {"open": {"bias": 0.0, "weights": {"dense_start": 1.0}}})
    documents = [*random_documents(3), Document("own", "Zanzibar", "Islands of Africa")]
    searcher, _ = make_searcher(documents, encoder)
    question = Question("q", "Zanzibar?", ("Pemba", "Zanzibar"), (-1, -1), "Islands_of_Africa")
    asked, first, robbed = search_all(searcher, [question], {"Islands of Africa": ["own"]})
    [expected] = searcher.search([question.text], SearchOptions(top_k=1))[0]
    assert (asked.confidence, asked.score) == ([expected.confidence], [expected.score])
    assert asked.right == [expected.text == "Zanzibar"]
    assert (first.right, first.confidence) == ([False], asked.confidence)
    assert robbed.right == [False]
    assert (asked + robbed).score == asked.score + robbed.score


def test_an_encoder_without_confidence_ends_the_benchmark(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3))
    with pytest.raises(SystemExit, match="densephrase calibrate"):
        search_all(searcher, [Question("q", "Paris?", ("Paris",))], {})


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is not None, reason="matplotlib is installed")
def test_a_plot_without_matplotlib_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'densephrase\[benchmarks\]'"):
        plot([Answers("some", [0.5, 0.6], [1.0, 2.0], [True, False])], tmp_path / "risk.png")


def test_risk_at_full_coverage_is_the_share_of_wrong_answers() -> None:
    random = np.random.default_rng(1)
    confidence, right = random.random(1000), random.random(1000) < 0.3
    tenths = [number / 10 for number in range(1, 11)]
    risks = risk_at(confidence, right, tenths)
    ranked = right[np.argsort(-confidence)]
    assert risks == pytest.approx([1 - ranked[: 100 * number].mean() for number in range(1, 11)])
    assert risks[-1] == pytest.approx(1 - right.mean())


def test_the_smallest_coverage_has_an_answer() -> None:
    assert risk_at([0.5, 0.6], [1, 0], [0.001, 0.5, 0.51]) == [1.0, 1.0, 0.5]
