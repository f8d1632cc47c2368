"""Is one search better than another? A paired bootstrap over questions (Efron and Tibshirani 1993, section 13.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference with its 95 per cent interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def paired_difference(
    better: NDArray[np.bool_], worse: NDArray[np.bool_], resamples: int = 10_000, seed: int = 0
) -> Difference:
    """Return the difference of exact match, per cent: `better` minus `worse`, the same questions [n] in the same order.

    A question counts +1, 0 or -1, so a resample of n questions is a draw from a multinomial of these three.
    """
    if better.shape != worse.shape or not better.size:
        raise ValueError(f"The two sides need the same questions, at least one: {better.shape} and {worse.shape}.")
    gained, lost = int((better & ~worse).sum()), int((worse & ~better).sum())
    size = better.size
    counts = np.random.default_rng(seed).multinomial(
        size, [gained / size, lost / size, 1 - (gained + lost) / size], resamples
    )
    means = 100 * (counts[:, 0] - counts[:, 1]) / size
    low, high = np.quantile(means, [0.025, 0.975])
    return Difference(100 * (gained - lost) / size, float(low), float(high))
