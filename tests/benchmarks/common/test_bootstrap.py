"""The paired bootstrap against resampling question by question."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.common.bootstrap import paired_difference


def test_the_interval_is_that_of_resampled_questions() -> None:
    rng = np.random.default_rng(1)
    better, worse = rng.random(400) < 0.6, rng.random(400) < 0.5
    found = paired_difference(better, worse)
    rows = rng.integers(0, 400, (4000, 400))
    means = 100 * (better[rows].mean(1) - worse[rows].mean(1))
    assert found.mean == pytest.approx(100 * (better.mean() - worse.mean()))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.5)


@pytest.mark.parametrize(
    ("gained", "above"), [(0, False), (3, False), (40, True)], ids=["equal", "hardly better", "better"]
)
def test_only_what_is_clearly_better_has_an_interval_above_zero(gained: int, above: bool) -> None:
    worse = np.zeros(400, bool)
    better = worse.copy()
    better[:gained] = True
    assert (paired_difference(better, worse).low > 0) is above


def test_unpaired_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="same questions"):
        paired_difference(np.zeros(3, bool), np.zeros(4, bool))
