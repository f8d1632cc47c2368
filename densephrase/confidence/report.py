"""Fit a confidence on some articles, and measure it on others that the fit has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.confidence.fit import Judged, best_threshold, fit_confidence, with_share
from densephrase.confidence.later_answers import AnswerChain
from densephrase.confidence.logistic import LogisticModel
from densephrase.confidence.measures import area_under_risk, brier_score, calibration_by_rank, calibration_error
from densephrase.confidence.model import ConfidenceModel


def fit_and_report(
    fitted: Sequence[Judged], reported: Sequence[Judged], unanswerable: float
) -> tuple[ConfidenceModel, dict[str, Any]]:
    """Return the confidence fitted on `fitted`, and how it does on `reported`.

    Both are brought to the share `unanswerable` of unanswerable questions; `answerable_only` is without them. The
    threshold is the one that is best on `fitted`. All figures but those `by_rank` are of best answers.

    Raises:
        TrainingError: if there are too few answers of some kind.
    """
    examples, unseen = with_share(fitted, unanswerable), with_share(reported, unanswerable)
    model = fit_confidence(examples)
    threshold = best_threshold(examples, _confidences(model, examples))
    return model, {
        "fitted_on": len(examples),
        "unanswerable": unanswerable,
        "threshold": threshold,
        "unseen": _figures(model, unseen, threshold),
        "unseen_answerable_only": _figures(model, [answer for answer in reported if answer.answerable], threshold),
    }


def _figures(model: ConfidenceModel, answers: Sequence[Judged], threshold: float) -> dict[str, Any]:
    """Return calibration error, Brier score, mean risk, and F1 with no-answer of SQuAD v2.0 in percent."""
    confidence, right = _confidences(model, answers), [answer.right for answer in answers]
    given = confidence >= threshold
    f1 = [answer.f1 if answer.answerable else 0.0 for answer in answers]
    nothing = [0.0 if answer.answerable else 1.0 for answer in answers]
    return {
        "answers": len(answers),
        "right": float(np.mean(right)),
        "mean_confidence": float(confidence.mean()),
        "calibration_error": calibration_error(confidence, right),
        "brier_score": brier_score(confidence, right),
        "mean_risk": area_under_risk(confidence, right),
        "f1_at_threshold": 100 * float(np.where(given, f1, nothing).mean()),
        "by_rank": _by_rank(model, answers),
    }


def _by_rank(model: ConfidenceModel, answers: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return how the confidences of the first, the second, ... answers do; nothing where only best ones are judged."""
    return [] if model.later is None else calibration_by_rank([_ranked(model, model.later, one) for one in answers])


def _ranked(model: ConfidenceModel, later: LogisticModel, answer: Judged) -> list[tuple[float, bool]]:
    """Return the confidence in each answer to a question, best first, and whether it is right."""
    chain = AnswerChain(model, later, answer.features)
    return [(chain.first, answer.right), *((chain.following(item.margin), item.right) for item in answer.later)]


def _confidences(model: ConfidenceModel, answers: Sequence[Judged]) -> NDArray[np.float64]:
    return np.array([model.probability(answer.features) for answer in answers])
