"""Products of several rows at once against numpy in 64 bits."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.errors import TypingError

from densephrase.kernels.compile import kernel
from densephrase.kernels.lowlevel.form import IS_PLAIN
from densephrase.kernels.lowlevel.rows import multiply_rows, prefetch_row
from tests.soaking import examples

REFUSING = pytest.mark.skipif(IS_PLAIN, reason="the plain form takes whatever numpy does")
WIDTHS = (0, 1, 7, 31, 32, 33, 63, 64, 65, 96, 128, 192, 208, 384, 768)


@kernel
def one_row(codes: Any, rows: Any, weights: Any) -> Any:
    return multiply_rows(codes, (rows[0],), (weights[0],))


@kernel
def two_rows(codes: Any, rows: Any, weights: Any) -> Any:
    return multiply_rows(codes, (rows[0], rows[1]), (weights[0], weights[1], weights[0]))


@kernel
def four_rows(codes: Any, rows: Any, weights: Any) -> Any:
    return multiply_rows(codes, (rows[0], rows[1], rows[2], rows[3]), (weights[0], weights[1]))


@kernel
def three_rows(codes: Any, rows: Any, weights: Any) -> Any:
    return multiply_rows(codes, (rows[0], rows[1], rows[2]), (weights[0],))


@kernel
def prefetch(codes: Any, row: int, width: int) -> None:
    prefetch_row(codes, row, width)


@pytest.mark.parametrize(
    ("function", "rows", "halves"), [(one_row, 1, [0]), (two_rows, 2, [0, 1, 0]), (four_rows, 4, [0, 1])]
)
@pytest.mark.parametrize("compiled", [True, False])
@settings(deadline=None, max_examples=examples(40))  # the first example compiles
@given(st.sampled_from(WIDTHS), st.integers(0, 20), st.integers(0, 2**32))
def test_products_are_exact(
    function: Any, rows: int, halves: list[int], compiled: bool, width: int, unused: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(-128, 128, (6, width + unused)).astype(np.int8)
    bound = min(2**15, 2**24 // max(width, 1))
    weights = random.integers(-bound, bound, (2, width)).astype(np.int16)
    chosen = random.integers(0, 6, 4)
    chosen[0] = 5  # nothing may be read beyond the last row
    expected = codes[chosen[:rows], :width].astype(np.int64) @ weights[halves].T.astype(np.int64)
    found = (function if compiled else function.py_func)(codes, chosen, weights)
    assert found == tuple(expected.T.ravel())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("code", [-128, 127])
@pytest.mark.parametrize("width", [1, 31, 32, 511])
def test_extreme_codes_and_weights(width: int, code: int, sign: int) -> None:
    codes, weights = np.full((4, width), code, np.int8), np.full((2, width), sign * 32767, np.int16)
    assert four_rows(codes, np.arange(4), weights) == (code * sign * 32767 * width,) * 8


def test_the_lowest_products_of_neighbours_add_up() -> None:
    codes, weights = np.full((4, 64), -128, np.int8), np.full((2, 64), -32768, np.int16)
    assert four_rows(codes, np.arange(4), weights) == (128 * 32768 * 64,) * 8


@pytest.mark.parametrize("row", [0, 3, 1 << 40])
@pytest.mark.parametrize("function", [prefetch, prefetch.py_func], ids=["compiled", "python"])
def test_prefetching_any_row_is_harmless(function: Any, row: int) -> None:
    assert function(np.zeros((3, 208), np.int8), row, 208) is None


@REFUSING
def test_strided_codes_are_refused_when_a_kernel_compiles() -> None:
    with pytest.raises(TypingError):
        one_row(np.zeros((3, 20), np.int8)[:, ::2], np.zeros(1, np.int64), np.zeros((2, 10), np.int16))


@REFUSING
def test_other_counts_of_rows_are_refused_when_a_kernel_compiles() -> None:
    with pytest.raises(TypingError):
        three_rows(np.zeros((3, 20), np.int8), np.zeros(3, np.int64), np.zeros((2, 20), np.int16))
