"""Is one search better than another? The paired bootstrap of the library over exact match."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.evaluation.retrieval.bootstrap import PairedInterval, paired_interval


def paired_difference(
    better: NDArray[np.bool_], worse: NDArray[np.bool_], resamples: int = 10_000, seed: int = 0
) -> PairedInterval:
    """Return the difference of exact match, per cent: `better` minus `worse`, the same questions [n] in the same order.

    Raises:
        EvaluationError: if these are not the same questions, at least one.
    """
    return paired_interval(100.0 * better, 100.0 * worse, resamples, seed)
