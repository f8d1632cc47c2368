"""Measures of confidence: expected calibration error, Brier score, risk and coverage of the answers given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15


def calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Return the expected calibration error over bins of equally many answers.

    It is the mean, over answers, of the difference between mean confidence and share of right answers in their bin.
    Source: Nguyen and O'Connor 2015, section 4 (bins of equal mass); Guo et al. 2017, equation 3.
    """
    confidences, hits = _pair(confidence, right)
    order = np.argsort(confidences, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    return float(sum(abs(confidences[part].sum() - hits[part].sum()) for part in parts) / len(order))


def calibration_by_rank(ranked: Sequence[Sequence[tuple[float, bool]]]) -> list[dict[str, Any]]:
    """Return for each rank how many answers have it, how many are right, their mean confidence and calibration error.

    ranked: of each question the confidence in each answer, best first, and whether it is right.
    """
    rows = []
    for rank in range(max(map(len, ranked), default=0)):
        confidence, right = np.array([answers[rank] for answers in ranked if len(answers) > rank], np.float64).T
        rows.append(
            {
                "rank": rank + 1,
                "answers": len(right),
                "right": float(right.mean()),
                "mean_confidence": float(confidence.mean()),
                "calibration_error": calibration_error(confidence, right),
            }
        )
    return rows


def brier_score(confidence: ArrayLike, right: ArrayLike) -> float:
    """Return the mean squared difference between confidence and outcome (Brier 1950)."""
    confidences, hits = _pair(confidence, right)
    return float(np.mean((confidences - hits) ** 2))


def risk_coverage(confidence: ArrayLike, right: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return coverages and risks, float64 [answers] each: the k most confident answers are given, k = 1, 2, ...

    Coverage is the share of questions that get an answer, risk the share of wrong ones among these. Equal confidences
    can't be told apart, so each of them counts with their common share of right answers.
    Source: El-Yaniv and Wiener 2010, section 2.
    """
    confidences, hits = _pair(confidence, right)
    _, group, size = np.unique(-confidences, return_inverse=True, return_counts=True)
    wrong = (np.bincount(group, 1 - hits) / size)[np.sort(group)]
    count = np.arange(1, len(wrong) + 1)
    return count / len(wrong), np.cumsum(wrong) / count


def area_under_risk(confidence: ArrayLike, right: ArrayLike) -> float:
    """Return the mean risk over all coverages: 0 at best, and the share of wrong answers for a useless confidence."""
    return float(risk_coverage(confidence, right)[1].mean())


def _pair(confidence: ArrayLike, right: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    confidences, hits = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    if confidences.shape != hits.shape or confidences.ndim != 1 or not confidences.size:
        raise ValueError(
            f"Confidences of shape {confidences.shape} and outcomes of shape {hits.shape}; expected one of each for "
            "every answer, and at least one."
        )
    return confidences, hits
