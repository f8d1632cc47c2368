"""Integer dot products against numpy in 64 bits."""

import numpy as np
import pytest

from densephrase.kernels.dot import dot, precise_dot


def arrays(width: int, columns: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return codes int8[5, columns] and weights int16[2, width] whose sums fit into 32 bits."""
    random = np.random.default_rng(seed)
    codes = random.integers(-128, 128, (5, columns)).astype(np.int8)
    bound = min(2**15, 2**24 // max(width, 1))
    return codes, random.integers(-bound, bound, (2, width)).astype(np.int16)


@pytest.mark.parametrize(("width", "columns"), [(0, 4), (1, 1), (7, 9), (32, 36), (384, 400), (768, 768)])
def test_dot_uses_the_first_columns(width: int, columns: int) -> None:
    codes, weights = arrays(width, columns)
    expected = codes[:, :width].astype(np.int64) @ weights[0].astype(np.int64)
    for function in (dot, dot.py_func):
        assert [function(codes, row, weights[0]) for row in range(5)] == expected.tolist()


@pytest.mark.parametrize("low_bits", [0, 1, 15])
def test_precise_dot_joins_both_halves(low_bits: int) -> None:
    codes, weights = arrays(32, 36)
    joined = weights[0].astype(np.int64) * 2**low_bits + weights[1]
    expected = codes[:, :32].astype(np.int64) @ joined
    for function in (precise_dot, precise_dot.py_func):
        assert [function(codes, row, weights, low_bits) for row in range(5)] == expected.tolist()


def test_dot_reaches_the_ends_of_its_range() -> None:
    codes = np.full((1, 512), -128, np.int8)
    weights = np.full(512, 32767, np.int16)
    assert dot(codes, 0, weights) == -128 * 512 * 32767
    assert dot(codes, 0, -weights) == 128 * 512 * 32767
