"""The ratio of paired runs against a case computed by hand."""

from __future__ import annotations

import pytest

from benchmarks.speed.two_states import ratio


def test_the_ratio_of_equal_changes_is_exact() -> None:
    assert ratio([(2.0, 1.0), (4.0, 2.0), (6.0, 3.0)]) == pytest.approx((2.0, 2.0, 2.0))


def test_the_interval_is_students() -> None:
    mean, low, high = ratio([(1.0, 1.0), (4.0, 1.0)])  # logarithms 0 and 1.386: deviation 0.980, t 12.706
    assert mean == pytest.approx(2.0)
    assert high / mean == pytest.approx(mean / low)
    assert high / mean == pytest.approx(2.718281828 ** (12.7062 * 0.980258 / 2**0.5), rel=1e-4)


def test_one_pair_says_nothing() -> None:
    assert ratio([(3.0, 1.0)])[1:] == (0.0, float("inf"))
