"""Fixed-point question vectors against products in 64-bit floats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.errors import SearchError
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.prepare.fixed_point import FixedPointVectors, to_fixed_point


def quantiser(size: int, seed: int = 0) -> VectorQuantiser:
    """Return a quantiser of `size` columns with scales of different sizes."""
    random = np.random.default_rng(seed)
    scale = np.exp(random.normal(size=size)) * 0.01
    return VectorQuantiser(random.normal(size=size).astype(np.float32), scale.astype(np.float32))


def scores(codes: np.ndarray, folded: FixedPointVectors) -> np.ndarray:
    """Return the score of each row of codes for each question, [Q, rows], from integer products in 64 bits."""
    weights = (folded.weights[:, 0].astype(np.int64) << folded.low_bits) + folded.weights[:, 1]
    products = weights @ codes[:, : weights.shape[1]].astype(np.int64).T
    return products * folded.step[:, None] + folded.bias[:, None]


@settings(deadline=None)
@given(st.sampled_from([1, 2, 32, 384, 768, 1024, 4096]), st.integers(0, 2**32), st.sampled_from([1e-20, 1.0, 1e20]))
def test_scores_equal_products_of_decoded_rows(size: int, seed: int, magnitude: float) -> None:
    random = np.random.default_rng(seed)
    vectors = (random.normal(size=(3, size)) * magnitude * [[1.0], [0.001], [100.0]]).astype(np.float32)
    codes = random.integers(-127, 128, (20, size + 3)).astype(np.int8)
    made = quantiser(size + 3, seed)
    exact = (codes.astype(np.float64) * made.scale + made.offset)[:, :size].T
    error = np.abs(scores(codes, to_fixed_point(vectors, made)) - vectors.astype(np.float64) @ exact)
    assert np.all(error <= 2e-7 * (np.abs(vectors.astype(np.float64)) @ np.abs(exact)))


@settings(deadline=None)
@given(st.sampled_from([1, 2, 100, 384, 512, 513, 768, 1024, 5000]), st.integers(0, 2**32), st.booleans())
def test_sums_of_32_bits_cannot_overflow(size: int, seed: int, equal: bool) -> None:
    random = np.random.default_rng(seed)
    vectors = np.ones((1, size), np.float32) if equal else (random.normal(size=(2, size)) ** 9).astype(np.float32)
    folded = to_fixed_point(vectors, quantiser(size, seed))
    assert 128 * np.abs(folded.weights.astype(np.int64)).sum(axis=2).max() < 2**31


def test_a_vector_is_folded_the_same_in_any_company() -> None:
    vectors = np.random.default_rng(1).normal(size=(9, 384)).astype(np.float32)
    together = to_fixed_point(vectors, quantiser(400))
    for number in range(9):
        alone = to_fixed_point(vectors[number : number + 1], quantiser(400))
        np.testing.assert_array_equal(alone.weights[0], together.weights[number])
        assert (alone.step[0], alone.bias[0]) == (together.step[number], together.bias[number])


def test_no_question_is_no_work() -> None:
    folded = to_fixed_point(np.empty((0, 4), np.float32), quantiser(4))
    assert folded.weights.shape == (0, 2, 4)
    assert folded.step.shape == folded.bias.shape == (0,)


@pytest.mark.parametrize("value", [0.0, 1e-45], ids=["zero", "tiny"])
def test_a_vector_of_nothing_scores_nothing(value: float) -> None:
    folded = to_fixed_point(np.full((1, 4), value, np.float32), quantiser(4))
    assert scores(np.full((1, 4), 127, np.int8), folded)[0] == pytest.approx([0.0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=["nan", "infinite", "negative"])
def test_a_vector_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(SearchError, match="not finite"):
        to_fixed_point(np.array([[1.0, 1.0], [1.0, value]], np.float32), quantiser(2))
