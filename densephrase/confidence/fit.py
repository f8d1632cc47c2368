"""Fit the confidence of answers: logistic regression on answers known to be right or wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from densephrase.confidence.later_answers import LATER_FEATURES, later_features
from densephrase.confidence.logistic import LogisticModel
from densephrase.confidence.model import FEATURES, ConfidenceModel
from densephrase.errors import TrainingError

_PENALTY = 1.0  # half the squared norm of the standardised slopes counts as much as the loss of one answer


@dataclass(frozen=True, slots=True)
class LaterAnswer:
    """An answer behind the best one: its score less that of the best, and whether it is right."""

    margin: float
    right: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The best answer to a question: its features, and how right it is; `later` are the answers behind it, best first.

    `answerable` is false where what was searched had been robbed of the answer.
    """

    features: Mapping[str, float]
    right: bool
    f1: float
    answerable: bool
    later: Sequence[LaterAnswer] = ()


def with_share(answers: Sequence[Judged], unanswerable: float, seed: int = 0) -> list[Judged]:
    """Return as many answers as can be had with the share `unanswerable`, in [0, 1), of unanswerable questions.

    Answers of the kind that there are too many of are left out at random; the order stays.

    Raises:
        TrainingError: if a kind that is needed is missing.
    """
    kinds = {kind: [row for row, answer in enumerate(answers) if answer.answerable is kind] for kind in (True, False)}
    shares = {True: 1 - unanswerable, False: unanswerable}
    if not all(kinds[kind] or not share for kind, share in shares.items()):
        raise TrainingError(
            f"{len(kinds[True])} answerable and {len(kinds[False])} unanswerable questions; for a share of "
            f"{unanswerable} unanswerable ones both kinds are needed. Give more questions."
        )
    total = min(len(kinds[kind]) / share for kind, share in shares.items() if share)
    generator = random.Random(seed)
    rows = (row for kind, share in shares.items() for row in generator.sample(kinds[kind], round(total * share)))
    return [answers[row] for row in sorted(rows)]


def fit_confidence(answers: Sequence[Judged]) -> ConfidenceModel:
    """Fit the probability that an answer is right; features that never change get no weight.

    Where there are later answers, right ones and wrong ones, what is fitted to them is how likely they are to be right
    if none before them is.

    Raises:
        TrainingError: if all best answers are right, or all wrong.
    """
    right = np.array([answer.right for answer in answers], np.float64)
    if not 0 < right.sum() < len(right):
        raise TrainingError(
            f"{int(right.sum())} of {len(right)} answers are right; a confidence is fitted to right and wrong ones. "
            "Give more questions."
        )
    best = _fit([answer.features for answer in answers], right, FEATURES)
    later = [pair for answer in answers for pair in _later_examples(answer, best)]
    outcomes = np.array([is_right for _, is_right in later], np.float64)
    if not 0 < outcomes.sum() < len(outcomes):
        return ConfidenceModel(best.weights, best.bias)
    behind = _fit([features for features, _ in later], outcomes, LATER_FEATURES)
    return ConfidenceModel(best.weights, best.bias, behind)


def _later_examples(answer: Judged, best: LogisticModel) -> Iterator[tuple[dict[str, float], bool]]:
    """Yield the features of later answers, as far as no answer before them is right, and whether they are."""
    if answer.right:
        return
    first = best.log_odds(answer.features)
    for later in answer.later:
        yield later_features(later.margin, first, answer.features["question_words"]), later.right
        if later.right:
            return


def _fit(
    features: Sequence[Mapping[str, float]], right: NDArray[np.float64], feature_names: Sequence[str]
) -> LogisticModel:
    """Fit the probability that something with some features is right."""
    values = np.array([[found[name] for name in feature_names] for found in features])
    changing = np.flatnonzero(np.ptp(values, axis=0) > 0)
    centre, scale = values[:, changing].mean(axis=0), values[:, changing].std(axis=0)
    solution = _minimise((values[:, changing] - centre) / scale, right)
    slopes = solution[:-1] / scale
    names = [feature_names[column] for column in changing.tolist()]
    return LogisticModel(dict(zip(names, slopes.tolist(), strict=True)), float(solution[-1] - slopes @ centre))


def _minimise(values: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the slopes of standardised columns and, last, the bias, under which the penalised loss is smallest."""

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        slopes, logits = point[:-1], values @ point[:-1] + point[-1]
        value = np.sum(np.logaddexp(0, logits) - right * logits) + 0.5 * _PENALTY * slopes @ slopes
        residual = expit(logits) - right
        return float(value), np.append(values.T @ residual + _PENALTY * slopes, residual.sum())

    found: NDArray[np.float64] = minimize(loss, np.zeros(values.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return found


def best_threshold(answers: Sequence[Judged], confidence: NDArray[np.float64]) -> float:
    """Return the least confidence [answers] to ask for, under which SQuAD v2.0's F1 with no-answer is largest.

    An answer that is given counts its F1, and 0 where the question has none; one that is withheld counts 1 there.
    It is 1 where it would be best to give no answer at all.
    """
    order = np.argsort(-confidence, kind="stable")
    gains = np.array([answer.f1 if answer.answerable else -1.0 for answer in answers])[order]
    totals = np.concatenate([[0.0], np.cumsum(gains)])  # of the most confident 0, 1, 2, ... answers
    ordered = confidence[order]
    totals[1:-1][ordered[1:] == ordered[:-1]] = -np.inf  # equal confidences are given together
    given = int(totals.argmax())
    return float(ordered[given - 1]) if given else 1.0
