"""Coherencies as integer sums against products of decoded rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.encoder.product_quantiser import ProductQuantiser
from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.kernels.entry_sums import LANES
from densephrase.search.coherency import CoherencyScale

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
    found = CoherencyScale.of((start, end), None, VECTOR_SIZE)
    sums = (codes[0].astype(np.int64) * codes[1] * found.scale).sum(axis=1) * found.step
    factors = [side.scale[VECTOR_SIZE:].astype(np.float64) for side in (start, end)]
    expected = ((codes[0] * factors[0]) * (codes[1] * factors[1])).sum(axis=1)
    reach = np.abs(codes[0].astype(np.int64) * codes[1]).sum(axis=1)
    assert np.all(np.abs(sums - expected) <= 0.51 * found.step * reach)  # a factor is rounded by half a step
    assert found.scale.max(initial=0) <= 2**23
    assert found.start_entries.shape == found.end_entries.shape == (0, 256, rank)


@pytest.mark.parametrize("rank", [0, 1, 16])
def test_bytes(rank: int) -> None:
    plain = quantiser(VECTOR_SIZE + rank, 1)
    products = product(VECTOR_SIZE + rank, 3, 1), product(VECTOR_SIZE + rank, 5, 2)
    found = CoherencyScale.of((plain, plain), products, VECTOR_SIZE)
    random, values, exact = np.random.default_rng(0), [], []
    for side, entries in ((products[0], found.start_entries), (products[1], found.end_entries)):
        codes: NDArray[np.uint8] = random.integers(0, 256, (40, side.groups)).astype(np.uint8)
        values.append(entries.astype(np.int64)[np.arange(side.groups), codes].sum(1))
        assert entries.shape[2] % LANES == 0
        assert not entries[..., rank:].any()
        exact.append(side.decode(codes).astype(np.float64)[:, VECTOR_SIZE:])
        assert np.abs(values[-1]).max(initial=0) < 2**15
    sums = (values[0] * found.scale * values[1]).sum(1) * found.step
    np.testing.assert_allclose(sums, (exact[0] * exact[1]).sum(1), rtol=1e-3, atol=0.1)
