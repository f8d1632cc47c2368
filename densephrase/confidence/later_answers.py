"""Confidence of the second and later answers to a question, as a chain of conditional probabilities.

Of each, a logistic model says how likely it is to be right if none before it is. So the probabilities of different
answers never add up to more than 1; and they never ascend, as scores never do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from densephrase.confidence.logistic import LogisticModel, logistic

LATER_FEATURES = (
    "margin",  # score less that of the best answer, never positive
    "log_margin",  # -log(1 - margin)
    "first",  # log of the odds of the best answer
    "question_words",
)


def later_features(margin: float, first: float, question_words: float) -> dict[str, float]:
    """Return the value of each of `LATER_FEATURES`; `first` are the log odds of the best answer."""
    return {
        "margin": margin,
        "log_margin": -math.log1p(max(0.0, -margin)),
        "first": first,
        "question_words": question_words,
    }


class AnswerChain:
    """The probabilities of the answers to one question, to be asked for best first."""

    def __init__(self, model: LogisticModel, later: LogisticModel, features: Mapping[str, float]) -> None:
        """Take the features of the best answer, of which `model` knows how likely it is to be right."""
        self._first, self._words, self._later = model.log_odds(features), features["question_words"], later
        self.first = logistic(self._first)  # the probability of the best answer
        self._least, self._left = self.first, 1 - self.first

    def following(self, margin: float) -> float:
        """Return the probability of the next answer, whose score less that of the best one is `margin`."""
        own = self._later.probability(later_features(margin, self._first, self._words))
        self._least = min(self._least, self._left * own)
        self._left *= 1 - own
        return self._least
