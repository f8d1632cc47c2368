"""The paired bootstrap of any measure, against resampling question by question."""

from __future__ import annotations

import numpy as np
import pytest

from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval import bootstrap
from densephrase.evaluation.retrieval.bootstrap import paired_interval


def test_the_interval_is_that_of_resampled_questions() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random(300), rng.random(300) * 0.9
    found = paired_interval(first, second)
    rows = rng.integers(0, 300, (10_000, 300))
    means = (first - second)[rows].mean(axis=1)
    assert found.mean == pytest.approx((first - second).mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])), abs=0.003)


def test_equal_searches_have_no_difference() -> None:
    found = paired_interval([0.5, 0.25, 1.0], [0.5, 0.25, 1.0])
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert str(found) == "+0.00 [+0.00, +0.00]"


def test_the_seed_fixes_the_interval_and_blocks_do_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    first, second = rng.random(40), rng.random(40)
    whole = paired_interval(first, second, seed=5)
    assert paired_interval(first, second, seed=5) == whole != paired_interval(first, second, seed=6)
    monkeypatch.setattr(bootstrap, "_DRAWN_TOGETHER", 1000)
    assert paired_interval(first, second, seed=5) == whole


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ([], [], "at least one"),
        ([1.0], [1.0, 0.0], "same questions"),
        ([[1.0]], [[1.0]], "same questions"),
        ([1.0, float("nan")], [1.0, 1.0], "not finite"),
    ],
)
def test_what_is_not_paired_is_refused(first: list[float], second: list[float], problem: str) -> None:
    with pytest.raises(EvaluationError, match=problem):
        paired_interval(first, second)
