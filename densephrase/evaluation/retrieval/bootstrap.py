"""Is one search better than another? A paired bootstrap over questions (Efron and Tibshirani 1993, section 13.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from densephrase.errors import EvaluationError

_DRAWN_TOGETHER = 1 << 22  # counts, of 8 bytes


@dataclass(frozen=True, slots=True)
class PairedInterval:
    """A mean difference with its 95 per cent interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def paired_interval(first: ArrayLike, second: ArrayLike, resamples: int = 10_000, seed: int = 0) -> PairedInterval:
    """Return the mean of `first` minus `second`, and between which means 95 per cent of the resamples lie.

    first, second: a measure of each question, [n], of two searches: the same questions in the same order.

    Questions with equal differences are drawn together: a resample of n questions is a draw from the multinomial of the
    distinct differences.

    Raises:
        EvaluationError: if the two are not of equal length, are empty or hold what is no finite number.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != other.shape or one.ndim != 1 or not one.size:
        raise EvaluationError(f"Both sides need the same questions, at least one; found {one.shape} and {other.shape}.")
    difference = one - other
    if not np.isfinite(difference).all():
        raise EvaluationError("A measure of a question is not finite; give a number for every question.")
    values, counts = np.unique(difference, return_counts=True)
    order = np.lexsort((-values, values == 0))  # what changes nothing comes last: most questions, in one draw
    values, shares = values[order], counts[order] / one.size
    rng, means = np.random.default_rng(seed), np.empty(resamples)
    step = max(1, _DRAWN_TOGETHER // values.size)
    for begin in range(0, resamples, step):
        rows = slice(begin, min(begin + step, resamples))
        means[rows] = rng.multinomial(one.size, shares, rows.stop - begin) @ values / one.size
    low, high = np.quantile(means, [0.025, 0.975])
    return PairedInterval(float(difference.mean()), float(low), float(high))
