"""The BM25 parameters and their derived arrays."""

import math

import numpy as np
import pytest

from densephrase.terms.bm25 import BM25


@pytest.mark.parametrize(
    ("k1", "b"), [(-0.1, 0.5), (math.inf, 0.5), (math.nan, 0.5), (1, -0.1), (1, 1.1), (1, math.nan)]
)
def test_parameters_without_meaning_are_refused(k1: float, b: float) -> None:
    with pytest.raises(ValueError, match="0 <= b <= 1"):
        BM25(k1, b)


def test_weights_follow_the_formula_and_stay_positive() -> None:
    weights = BM25(k1=1.5, b=0.5).term_weights(np.array([0, 1, 10]), 10)
    np.testing.assert_allclose(
        weights, [2.5 * math.log(22), 2.5 * math.log(1 + 9.5 / 1.5), 2.5 * math.log(1 + 0.5 / 10.5)]
    )
    assert BM25(1, 1).term_weights(np.array([10**9]), 10**9)[0] > 0


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        pytest.param([1, 3], [1.5, 2.5], id="around the average"),
        pytest.param([0, 0], [1.0, 1.0], id="all empty"),
        pytest.param([], [], id="no text"),
    ],
)
def test_length_norms(lengths: list[int], expected: list[float]) -> None:
    norm = BM25(k1=2, b=0.5).length_norm(np.array(lengths, np.int32))
    assert norm.dtype == np.float32
    assert norm.tolist() == expected
