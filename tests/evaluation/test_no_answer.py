"""Scores with no-answer against the steps of the official SQuAD v2.0 script, written down again."""

from __future__ import annotations

import collections
import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.data import Question
from densephrase.evaluation.result import Result, score_answers, score_span
from densephrase.evaluation.summary import Summary
from densephrase.metrics import exact_match_and_f1

WORDS = st.lists(st.sampled_from(["the", "a", "Paris", "paris", "river", "1905", ".", "$", "The,"]), max_size=4)
TEXTS = WORDS.map(" ".join)


def official_tokens(text: str) -> list[str]:
    text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def official_f1(gold: str, predicted: str) -> float:
    gold_tokens, tokens = official_tokens(gold), official_tokens(predicted)
    if not gold_tokens or not tokens:
        return float(gold_tokens == tokens)
    same = sum((collections.Counter(gold_tokens) & collections.Counter(tokens)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(tokens), same / len(gold_tokens)
    return 2 * precision * recall / (precision + recall)


def official_scores(golds: list[str], predicted: str) -> tuple[bool, float]:
    """Return what get_raw_scores computes."""
    golds = [gold for gold in golds if official_tokens(gold)] or [""]
    exact = max(official_tokens(gold) == official_tokens(predicted) for gold in golds)
    return exact, max(official_f1(gold, predicted) for gold in golds)


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_scores_are_those_of_the_official_script(predicted: str, golds: list[str]) -> None:
    exact, f1 = exact_match_and_f1(predicted, golds)
    expected = official_scores(golds, predicted)
    assert exact is expected[0]
    assert f1 == pytest.approx(expected[1])


@pytest.mark.parametrize(
    ("predicted", "golds", "exact", "f1"),
    [
        ("", [], True, 1.0),
        ("Paris", [], False, 0.0),
        ("the", [], True, 1.0),
        ("", ["Paris"], False, 0.0),
        ("Paris", ["Paris", "London"], True, 1.0),
        ("in Paris", ["Paris"], False, 2 / 3),
        ("", ["."], True, 1.0),
        (".", [".", "9.0"], False, 0.0),
    ],
    ids=["withheld", "given", "nothing but an article", "missed", "right", "overlap", "empty gold", "one empty gold"],
)
def test_cases_by_hand(predicted: str, golds: list[str], exact: bool, f1: float) -> None:
    assert exact_match_and_f1(predicted, golds) == (exact, pytest.approx(f1))
    assert official_scores(golds, predicted) == (exact, pytest.approx(f1))


def question(*references: str) -> Question:
    return Question("q", "Where?", references, (-1,) * len(references), "", "Paris and London")


def span(text: str) -> dict[str, Any]:
    return {"text": text, "score": 1.0, "start": 0, "end": len(text)}


def test_no_answer_is_right_where_there_is_none() -> None:
    for result in (score_span(question(), None), score_answers(question(), [], 0.0)):
        assert (result.exact_match, result.f1, result.first_exact_rank) == (True, 1.0, 1)


def test_figures_are_parted_by_questions_with_and_without_an_answer() -> None:
    summary = Summary(None)
    results: list[Result] = [
        score_span(question("Paris"), span("Paris")),
        score_span(question("Paris"), span("in Paris")),
        score_span(question("Paris"), None),
        score_span(question(), None),
        score_span(question(), span("Paris")),
    ]
    for result in results:
        summary.add(result)
    figures = summary.to_dict()
    assert figures["em"] == pytest.approx(100 * 2 / 5)
    assert figures["f1"] == pytest.approx(100 * (1 + 2 / 3 + 1) / 5)
    assert figures["has_answer"] == {
        "questions": 3,
        "em": pytest.approx(100 / 3),
        "f1": pytest.approx(100 * (1 + 2 / 3) / 3),
    }
    assert figures["no_answer"] == {"questions": 2, "em": 50.0, "f1": 50.0}
    assert figures["answered"] == pytest.approx(3 / 5)
    assert figures["questions_without_answers"] == 2


def test_without_unanswerable_questions_nothing_is_parted() -> None:
    summary = Summary(None)
    summary.add(score_span(question("Paris"), None))
    figures = summary.to_dict()
    assert figures["has_answer"] is figures["no_answer"] is None
    assert figures["answered"] == 0
