"""Top-k kernels against a stable numpy sort."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from densephrase.kernels.selection import best_places, keep_best, push, sort_heap, top_k

SCORES = {
    "empty": [],
    "one row": [3.0],
    "tied": [1.0, 1.0, 1.0, 1.0, 1.0],
    "partly tied": [2.0, 1.0, 2.0, 3.0, 1.0, 3.0, 2.0],
    "negative": [-3.0, -1.0, -2.0, -1.0],
    "lowest": [-np.inf, np.finfo(np.float64).min, -np.inf],
    "falling": list(range(20, 0, -1)),
    "rising": list(range(20)),
}


def sorted_top_k(scores: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Return the best rows by a stable sort."""
    return np.argsort(-scores, kind="stable")[:k]


def call(function: Callable[..., int], scores: NDArray[Any], k: int) -> tuple[list[float], list[int]]:
    """Return the best scores and rows that a top-k function writes."""
    best_scores, best_rows = np.full(k, 99, scores.dtype), np.full(k, 99, np.int64)
    size = function(scores, best_scores, best_rows)
    return best_scores[:size].tolist(), best_rows[:size].tolist()


@pytest.mark.parametrize("function", [top_k, top_k.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize("k", [0, 1, 2, 3, 100])
@pytest.mark.parametrize("name", SCORES)
def test_top_k_equals_a_stable_sort(name: str, k: int, function: Callable[..., int]) -> None:
    scores = np.array(SCORES[name], np.float64)
    expected = sorted_top_k(scores, k)
    assert call(function, scores, k) == (scores[expected].tolist(), expected.tolist())


@settings(deadline=None)  # the first example compiles
@given(arrays(np.int32, st.integers(0, 60), elements=st.integers(-4, 4)), st.integers(0, 70))
def test_top_k_of_many_ties(scores: NDArray[np.int32], k: int) -> None:
    assert call(top_k, scores, k)[1] == np.argsort(-scores.astype(np.int64), kind="stable")[:k].tolist()


@settings(deadline=None)  # the first example compiles
@given(arrays(np.float32, st.integers(0, 60), elements=st.floats(-(2.0**90), 2.0**90, width=32)), st.integers(0, 70))
def test_top_k_of_floats(scores: NDArray[np.float32], k: int) -> None:
    assert call(top_k, scores, k)[1] == sorted_top_k(scores, k).tolist()


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.integers(-3, 3), max_size=40), st.integers(0, 45), st.randoms())
def test_pushing_in_any_order_keeps_the_same_members(values: list[int], k: int, random: Any) -> None:
    scores = np.array(values, np.int32)
    order = list(range(len(values)))
    random.shuffle(order)
    heap_scores, heap_ids, size = np.empty(k, np.int32), np.empty(k, np.int64), 0
    for row in order:
        size = push(heap_scores, heap_ids, size, scores[row], row)
    sort_heap(heap_scores, heap_ids, size)
    assert heap_ids[:size].tolist() == np.argsort(-scores.astype(np.int64), kind="stable")[:k].tolist()


@pytest.mark.parametrize("function", [keep_best, keep_best.py_func], ids=["compiled", "python"])
@settings(deadline=None)  # the first example compiles
@given(st.data(), st.integers(1, 60), st.integers(0, 20), st.integers(0, 2**32))
def test_the_best_are_kept(function: Any, data: st.DataObject, k: int, spare: int, seed: int) -> None:
    values = st.integers(-(2**31), 2**31 - 1) | st.integers(-2, 2)
    scores = np.array(data.draw(st.lists(values, max_size=80)), np.int32)
    ids = np.random.default_rng(seed).permutation(1 << 20)[: scores.size] * 2**41 - 2**60
    order = np.lexsort((ids, -scores.astype(np.int64)))
    kept_scores, kept_ids = scores.copy(), ids.copy()
    kept = function(kept_scores, kept_ids, scores.size, k, k + spare)
    assert min(k, scores.size) <= kept <= k + spare
    chosen = np.lexsort((kept_ids[:kept], -kept_scores[:kept].astype(np.int64)))
    assert kept_ids[:kept][chosen].tolist() == ids[order[:kept]].tolist()
    assert kept_scores[:kept][chosen].tolist() == scores[order[:kept]].tolist()


def test_ids_that_stand_twice_do_not_fill_more_than_there_is() -> None:
    scores, ids = np.zeros(20, np.int32), np.full(20, 7, np.int64)
    assert keep_best(scores, ids, 20, 3, 5) <= 5


@pytest.mark.parametrize("function", [best_places, best_places.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize("k", [1, 7, 59])
@pytest.mark.parametrize("kinds", [1, 3, 1000])
def test_places_of_the_best(function: Callable[..., Any], k: int, kinds: int) -> None:
    scores = np.random.default_rng(k + kinds).integers(-kinds, kinds, 60).astype(np.float64)
    assert function(scores, k).tolist() == sorted(np.argsort(-scores, kind="stable")[:k].tolist())
