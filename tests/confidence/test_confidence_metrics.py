"""Calibration error, Brier score and risk against loops and cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from densephrase.confidence.measures import (
    area_under_risk,
    brier_score,
    calibration_error,
    risk_coverage,
)


def test_calibration_error_by_hand() -> None:
    """Two bins of two: |0.2 - 0.5| and |0.85 - 1|, each half of the answers."""
    assert calibration_error([0.9, 0.1, 0.8, 0.3], [1, 0, 1, 1], bins=2) == pytest.approx((0.3 + 0.15) / 2)


@pytest.mark.parametrize("answers", [1, 14, 15, 16, 100, 1001])
def test_calibration_error_is_that_of_a_loop(answers: int) -> None:
    random = np.random.default_rng(answers)
    confidence = random.permutation(answers) / answers
    right = random.random(answers) < 0.4
    ranked = sorted(range(answers), key=lambda row: confidence[row])
    small, large = answers // 15, answers % 15  # numpy's rule: the first bins get what is left over
    error, at = 0.0, 0
    for number in range(15):
        bin_ = ranked[at : at + small + (number < large)]
        at += len(bin_)
        if bin_:
            gap = sum(confidence[row] for row in bin_) / len(bin_) - sum(right[row] for row in bin_) / len(bin_)
            error += abs(gap) * len(bin_) / answers
    assert calibration_error(confidence, right) == pytest.approx(error)


def test_a_calibrated_confidence_has_a_small_error() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(50_000)
    right = random.random(50_000) < confidence
    assert calibration_error(confidence, right) < 0.01
    assert calibration_error(confidence**3, right) > 0.1


def test_brier_score_by_hand() -> None:
    assert brier_score([1.0, 0.5, 0.2], [1, 0, 1]) == pytest.approx((0 + 0.25 + 0.64) / 3)


def test_risk_by_hand() -> None:
    coverage, risk = risk_coverage([0.2, 0.9, 0.7, 0.5], [0, 1, 0, 1])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert area_under_risk([0.2, 0.9, 0.7, 0.5], [0, 1, 0, 1]) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


@pytest.mark.parametrize("right", [[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 0, 0]], ids=str)
def test_equal_confidences_share_their_risk(right: list[int]) -> None:
    """Whatever their order, four equal confidences have half of their answers wrong at every coverage."""
    assert risk_coverage([0.5] * 4, right)[1].tolist() == [0.5] * 4
    assert risk_coverage([0.9, *[0.5] * 4], [1, *right])[1].tolist() == pytest.approx([0, 1 / 4, 1 / 3, 3 / 8, 2 / 5])


@pytest.mark.parametrize(("confidence", "right"), [([], []), ([0.5], [1, 0])], ids=["none", "unequal"])
def test_outcomes_must_fit(confidence: list[float], right: list[int]) -> None:
    with pytest.raises(ValueError, match="expected one of each for every answer"):
        brier_score(confidence, right)
