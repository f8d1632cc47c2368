"""Gathering kernels against numpy indexing."""

import numpy as np
import pytest

from densephrase.kernels.gather import gather_dots


@pytest.mark.parametrize(("columns", "width"), [(1, 1), (12, 10), (65, 65), (208, 192), (208, 208)])
@pytest.mark.parametrize(
    "rows",
    [[], [0], [19, 19, 1], list(range(20)), [*range(19, 0, -1)] * 4],
    ids=["none", "one", "repeated", "all", "many"],
)
def test_gather_dots(rows: list[int], columns: int, width: int) -> None:
    random = np.random.default_rng(3)
    codes = random.integers(-128, 128, (20, columns)).astype(np.int8)
    weights = random.integers(-9000, 9000, (2, width)).astype(np.int16)
    expected = codes[rows, :width].astype(np.int64) @ (weights[0].astype(np.int64) * 2**12 + weights[1])
    for function in (gather_dots, gather_dots.py_func):
        dots = np.full(len(rows), 99, np.int64)
        function(codes, np.array(rows, np.int64), weights, 12, dots)
        assert dots.tolist() == expected.tolist()


@pytest.mark.parametrize("low_bits", [0, 1, 15])
def test_sums_reach_the_ends_of_their_range(low_bits: int) -> None:
    codes = np.full((1, 512), -128, np.int8)
    weights = np.array([[32767] * 511, [-32768] * 511], np.int16)
    for function in (gather_dots, gather_dots.py_func):
        dots = np.zeros(1, np.int64)
        function(codes, np.zeros(1, np.int64), weights, low_bits, dots)
        assert dots.tolist() == [-128 * 511 * 32767 * 2**low_bits + 128 * 511 * 32768]
