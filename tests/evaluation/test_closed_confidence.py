"""Confidence of a closed evaluation, with an encoder that is told which span to prefer."""

from __future__ import annotations

import pytest
from scipy.special import expit

from densephrase.errors import SearchError
from densephrase.evaluation.closed import evaluate_closed
from tests.evaluation.test_closed import CharacterEncoder, question

CONFIDENCE = {"closed": {"bias": -0.5, "weights": {"margin": 1.0, "dense_end": 0.25}}}
QUESTIONS = [
    question("clear", "be", "bcde", "abcdef"),  # "bcde" scores 2, its best rival 1
    question("unsure", "ab", "b", "wxyz"),  # without any "a" and "b" all spans score 0
    question("empty", "ax", "", ""),
]


@pytest.fixture
def encoder() -> CharacterEncoder:
    """An encoder with a fitted confidence."""
    fitted = CharacterEncoder()
    fitted.config.confidence = CONFIDENCE
    return fitted


def test_confidence_is_that_of_the_features(encoder: CharacterEncoder) -> None:
    results = {result.question.id: result for result in evaluate_closed(encoder, QUESTIONS)}  # type: ignore[arg-type]
    assert results["clear"].answers[0]["confidence"] == pytest.approx(expit(-0.5 + 1.0 + 0.25))
    assert results["unsure"].answers[0]["confidence"] == pytest.approx(expit(-0.5))
    assert results["empty"].answers == ()


@pytest.mark.parametrize(
    ("least", "answered"),
    [(None, ["clear", "unsure"]), (0.0, ["clear", "unsure"]), (0.5, ["clear"]), (0.9, [])],
    ids=["not asked for", "any", "half", "most"],
)
def test_answers_of_small_confidence_are_withheld(
    least: float | None, answered: list[str], encoder: CharacterEncoder
) -> None:
    results = list(evaluate_closed(encoder, QUESTIONS, least))  # type: ignore[arg-type]
    assert [result.question.id for result in results if result.answers] == answered
    assert [result.question.id for result in results if result.exact_match and result.answers] == answered[:1]


def test_a_least_confidence_needs_a_fitted_encoder() -> None:
    with pytest.raises(SearchError, match=r"fitted for closed search.*densephrase calibrate"):
        list(evaluate_closed(CharacterEncoder(), QUESTIONS, 0.5))  # type: ignore[arg-type]
