"""Coherencies as integer sums against products of decoded rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.kernels.lowlevel.entry_sums import COLUMN_LANES
from densephrase.quantise.end_prediction import EndPrediction, ProductRows
from densephrase.quantise.product import ProductQuantiser
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.prepare.coherency import CoherencyScale

VECTOR_SIZE = 4


def quantiser(size: int, seed: int) -> VectorQuantiser:
    random = np.random.default_rng(seed)
    return VectorQuantiser(np.zeros(size, np.float32), random.uniform(0.001, 0.1, size).astype(np.float32))


def product(size: int, groups: int, seed: int) -> ProductQuantiser:
    random = np.random.default_rng(seed)
    shapes = ((size,), (size, groups), (groups, size), (groups, 256, 1))
    return ProductQuantiser(*(random.normal(size=shape).astype(np.float32) for shape in shapes))


@pytest.mark.parametrize("rank", [0, 1, 16, 32])
def test_codes(rank: int) -> None:
    random = np.random.default_rng(rank)
    start, end = quantiser(VECTOR_SIZE + rank, 1), quantiser(VECTOR_SIZE + rank, 2)
    codes = random.integers(-127, 128, (2, 30, rank)).astype(np.int8)
    found = CoherencyScale.of((start, end), None, VECTOR_SIZE, np.empty((0, 0), np.int8))
    sums = (codes[0].astype(np.int64) * codes[1] * found.scale).sum(axis=1) * found.step
    factors = [side.scale[VECTOR_SIZE:].astype(np.float64) for side in (start, end)]
    expected = ((codes[0] * factors[0]) * (codes[1] * factors[1])).sum(axis=1)
    reach = np.abs(codes[0].astype(np.int64) * codes[1]).sum(axis=1)
    assert np.all(np.abs(sums - expected) <= 0.51 * found.step * reach)  # a factor is rounded by half a step
    assert found.scale.max(initial=0) <= 2**23
    assert found.start_entries.shape == found.end_entries.shape == (0, 256, rank)


@pytest.mark.parametrize("rank", [0, 1, 16])
def test_bytes(rank: int) -> None:
    size, random = VECTOR_SIZE + rank, np.random.default_rng(0)
    plain, starts, ends = quantiser(size, 1), product(size, 3, 1), product(size, 5, 2)
    weights = random.normal(size=(size, size)).astype(np.float32)
    prediction = EndPrediction(random.normal(size=size).astype(np.float32), weights)
    centroids = random.integers(-127, 128, (4, VECTOR_SIZE)).astype(np.int8)
    found = CoherencyScale.of((plain, plain), ProductRows(starts, ends, prediction), VECTOR_SIZE, centroids)
    start, before, end = (
        random.integers(0, 256, (40, side.groups)).astype(np.uint8) for side in (starts, starts, ends)
    )
    owners = random.integers(0, 4, 40)
    for entries in (found.start_entries, found.end_entries, found.predicted_entries, found.lists):
        assert entries.shape[-1] % COLUMN_LANES == 0
        assert not entries[..., rank:].any()
    left = _sums(found.start_entries, start)
    right = _sums(found.end_entries, end) + _sums(found.predicted_entries, before) + found.lists[owners]
    assert max(np.abs(left).max(initial=0), np.abs(right).max(initial=0)) < 2**15
    decoded = starts.decode(before)
    decoded[:, :VECTOR_SIZE] += centroids[owners] * plain.scale[:VECTOR_SIZE]
    exact = ends.decode(end) + prediction.predict(decoded, np.ones(40, np.bool_))
    expected = (starts.decode(start).astype(np.float64) * exact)[:, VECTOR_SIZE:].sum(1)
    np.testing.assert_allclose((left * found.scale * right).sum(1) * found.step, expected, rtol=1e-3, atol=0.1)


def _sums(entries: NDArray[np.int16], codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    summed: NDArray[np.int64] = entries.astype(np.int64)[np.arange(codes.shape[1]), codes].sum(1)
    return summed
