"""Logistic regression over named features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """Logistic regression: the probability of something that has some features."""

    weights: Mapping[str, float]
    bias: float

    def log_odds(self, features: Mapping[str, float]) -> float:
        """Return the log of the odds for some features, of which those with a weight count."""
        return self.bias + sum(weight * features[name] for name, weight in self.weights.items())

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the probability, in [0, 1]."""
        return logistic(self.log_odds(features))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as a configuration holds it."""
        return {"bias": self.bias, "weights": dict(self.weights)}


def logistic(log_odds: float) -> float:
    """Return the probability of log odds."""
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0  # exp overflows from 710 on
