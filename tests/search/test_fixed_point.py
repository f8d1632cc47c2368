"""Fixed-point question vectors against products in 64-bit floats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.errors import SearchError
from densephrase.search.fixed_point import FixedPointScale, FixedPointVector


def quantiser(size: int, seed: int = 0) -> VectorQuantiser:
    """Return a quantiser of `size` columns with scales of different sizes."""
    random = np.random.default_rng(seed)
    scale = np.exp(random.normal(size=size)) * 0.01
    return VectorQuantiser(random.normal(size=size).astype(np.float32), scale.astype(np.float32))


def integer_dots(codes: np.ndarray, vector: FixedPointVector) -> np.ndarray:
    """Return the integer products in 64 bits."""
    weights = (vector.weights[0].astype(np.int64) << vector.low_bits) + vector.weights[1]
    return codes[:, : weights.size].astype(np.int64) @ weights


@settings(deadline=None)
@given(st.sampled_from([1, 2, 32, 384, 768, 1024, 4096]), st.integers(0, 2**32), st.sampled_from([1e-20, 1.0, 1e20]))
def test_scores_equal_products_of_decoded_rows(size: int, seed: int, magnitude: float) -> None:
    random = np.random.default_rng(seed)
    question = (random.normal(size=size) * magnitude).astype(np.float32)
    codes = random.integers(-127, 128, (20, size + 3)).astype(np.int8)
    made = quantiser(size + 3, seed)
    vector = FixedPointVector.fold(question, made)
    exact = codes.astype(np.float64) * made.scale + made.offset
    expected = exact[:, :size] @ question.astype(np.float64)
    reach = np.abs(exact[:, :size]) @ np.abs(question.astype(np.float64))
    assert np.all(np.abs(vector.scores(integer_dots(codes, vector)) - expected) <= 2e-7 * reach)


@settings(deadline=None)
@given(st.sampled_from([1, 2, 100, 384, 512, 513, 768, 1024, 5000]), st.integers(0, 2**32), st.booleans())
def test_sums_of_32_bits_cannot_overflow(size: int, seed: int, equal: bool) -> None:
    random = np.random.default_rng(seed)
    question = np.ones(size, np.float32) if equal else (random.normal(size=size) ** 9).astype(np.float32)
    vector = FixedPointVector.fold(question, quantiser(size, seed))
    assert 128 * np.abs(vector.weights.astype(np.int64)).sum(axis=1).max() < 2**31


@pytest.mark.parametrize("value", [0.0, 1e-45], ids=["zero", "tiny"])
def test_a_vector_of_nothing_scores_nothing(value: float) -> None:
    vector = FixedPointVector.fold(np.full(4, value, np.float32), quantiser(4))
    codes = np.full((1, 4), 127, np.int8)
    assert vector.scores(integer_dots(codes, vector)) == pytest.approx([0.0])


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=["nan", "infinite"])
def test_a_vector_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(SearchError, match="not finite"):
        FixedPointVector.fold(np.array([1.0, value], np.float32), quantiser(2))


@pytest.mark.parametrize("rank", [0, 1, 16, 32])
def test_coherencies_equal_products_of_decoded_rows(rank: int) -> None:
    random = np.random.default_rng(rank)
    start, end = quantiser(4 + rank, 1), quantiser(4 + rank, 2)
    codes = random.integers(-127, 128, (2, 30, rank)).astype(np.int8)
    folded = FixedPointScale.fold(start, end, 4)
    found = (codes[0].astype(np.int64) * codes[1] * folded.scale).sum(axis=1) * folded.step
    expected = ((codes[0] * start.scale[4:].astype(np.float64)) * (codes[1] * end.scale[4:].astype(np.float64))).sum(
        axis=1
    )
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert folded.scale.max(initial=0) <= 2**30
