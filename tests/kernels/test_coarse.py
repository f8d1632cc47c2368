"""The coarse step against full sorts by numpy."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels.coarse import best_columns, best_lists

FUNCTIONS = pytest.mark.parametrize("function", [best_lists, best_lists.py_func], ids=["compiled", "python"])


def best_of(numbers: NDArray[np.int64], codes: NDArray[np.int8], weights: NDArray[np.int16], k: int) -> list[int]:
    """Return the `k` of some numbered codes with the largest products, ascending."""
    products = codes[numbers][:, : weights.size].astype(np.int64) @ weights.astype(np.int64)
    return sorted(numbers[np.lexsort((numbers, -products))[:k]].tolist())


def check(function: Callable[..., int], sizes: list[int], groups: int, lists: int, largest: int, seed: int) -> None:
    """Compare with two full sorts."""
    random = np.random.default_rng(seed)
    group_ptr = np.cumsum([0, *sizes]).astype(np.int64)
    group_codes = random.integers(-largest, largest + 1, (len(sizes), 7)).astype(np.int8)
    list_codes = random.integers(-largest, largest + 1, (int(group_ptr[-1]), 7)).astype(np.int8)
    weights = random.integers(-20_000, 20_001, 6).astype(np.int16)
    best_groups, best = np.empty(min(groups, len(sizes)), np.int64), np.empty(lists, np.int64)
    found = function(group_codes, group_ptr, list_codes, weights, best_groups, best)
    chosen = best_of(np.arange(len(sizes)), group_codes, weights, groups)
    members = [np.arange(group_ptr[group], group_ptr[group + 1]) for group in chosen]
    assert sorted(best_groups.tolist()) == chosen
    assert best[:found].tolist() == best_of(np.concatenate(members), list_codes, weights, lists)


@FUNCTIONS
@pytest.mark.parametrize("lists", [1, 3, 100])
@pytest.mark.parametrize("groups", [1, 2, 9])
@pytest.mark.parametrize("sizes", [[1], [4, 0, 2], [3, 3, 3, 3, 3]], ids=["one", "an empty group", "five"])
@pytest.mark.parametrize("largest", [127, 1, 0], ids=["any", "ties", "all equal"])
def test_the_best_lists_of_the_best_groups(
    sizes: list[int], groups: int, lists: int, largest: int, function: Callable[..., int]
) -> None:
    check(function, sizes, groups, lists, largest, seed=0)


@settings(deadline=None)  # the first example compiles
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 12), st.integers(1, 40), st.integers(0, 2**32)
)
def test_random_shapes(sizes: list[int], groups: int, lists: int, seed: int) -> None:
    check(best_lists, sizes, groups, lists, 1 + seed % 3, seed)


@pytest.mark.parametrize("function", [best_columns, best_columns.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize(("rows", "columns", "k"), [(0, 4, 2), (1, 1, 1), (5, 9, 1), (5, 9, 4), (5, 9, 9)])
@pytest.mark.parametrize("largest", [1000, 2], ids=["any", "ties"])
def test_best_columns(rows: int, columns: int, k: int, largest: int, function: Callable[..., None]) -> None:
    scores = np.random.default_rng(0).integers(-largest, largest + 1, (rows, columns)).astype(np.float32)
    best = np.empty((rows, k), np.int64)
    function(scores, best)
    assert best.tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :k].tolist()
