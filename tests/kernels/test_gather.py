"""Gathering kernels against numpy indexing."""

import numpy as np
import pytest

from densephrase.kernels.gather import expand_ranges, gather_dots


@pytest.mark.parametrize("rows", [[], [0], [4, 4, 1], list(range(20))], ids=["none", "one", "repeated", "all"])
def test_gather_dots(rows: list[int]) -> None:
    random = np.random.default_rng(3)
    codes = random.integers(-127, 128, (20, 12)).astype(np.int8)
    weights = random.integers(-9000, 9000, (2, 10)).astype(np.int16)
    expected = codes[rows, :10].astype(np.int64) @ (weights[0].astype(np.int64) * 2**12 + weights[1])
    for function in (gather_dots, gather_dots.py_func):
        dots = np.full(len(rows), 99, np.int64)
        function(codes, np.array(rows, np.int64), weights, 12, dots)
        assert dots.tolist() == expected.tolist()


@pytest.mark.parametrize("ranges", [[], [(3, 3)], [(5, 8), (0, 2), (9, 9), (7, 10)]], ids=["none", "empty", "several"])
def test_expand_ranges(ranges: list[tuple[int, int]]) -> None:
    expected = [row for first, last in ranges for row in range(first, last)]
    for function in (expand_ranges, expand_ranges.py_func):
        rows = np.full(len(expected), 99, np.int64)
        function(np.array(ranges, np.int64).reshape(-1, 2), rows)
        assert rows.tolist() == expected
