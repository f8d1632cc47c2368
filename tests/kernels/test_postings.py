"""The postings kernels against plain numpy, compiled and as plain Python."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels import postings
from tests.soaking import examples

INTERPRETED = [pytest.param(False, id="compiled"), pytest.param(True, id="interpreted")]


def kernel(name: str, interpreted: bool) -> Callable[..., Any]:
    compiled = getattr(postings, name)
    return getattr(compiled, "py_func", compiled) if interpreted else compiled


def invert(rows: list[list[int]], vocabulary_size: int, interpreted: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    row_end = np.cumsum([len(row) for row in rows], dtype=np.int64)
    terms = np.array([term for row in rows for term in row], np.int32)
    ptr = np.zeros(vocabulary_size + 1, np.int64)
    kernel("count_postings", interpreted)(row_end, terms, ptr[1:])
    np.cumsum(ptr, out=ptr)
    ids, tf = np.empty(ptr[-1], np.int32), np.empty(ptr[-1], np.uint16)
    kernel("fill_postings", interpreted)(row_end, terms, ptr, ids, tf)
    return ptr, ids, tf


@pytest.mark.parametrize("interpreted", INTERPRETED)
@settings(max_examples=examples(60), deadline=None)
@given(rows=st.lists(st.lists(st.integers(0, 6), max_size=12), max_size=8))
def test_inverted_rows_hold_every_count_in_order(rows: list[list[int]], interpreted: bool) -> None:
    ptr, ids, tf = invert(rows, 7, interpreted)
    for term in range(7):
        expected = [(row, Counter(terms)[term]) for row, terms in enumerate(rows) if term in terms]
        found = slice(ptr[term], ptr[term + 1])
        assert list(zip(ids[found].tolist(), tf[found].tolist(), strict=True)) == expected


@pytest.mark.parametrize("interpreted", INTERPRETED)
def test_a_frequency_stops_at_65535(interpreted: bool) -> None:
    _, ids, tf = invert([[0] * 65_540, [0]], 1, interpreted)
    assert ids.tolist() == [0, 1]
    assert tf.tolist() == [65_535, 1]


@pytest.mark.parametrize("interpreted", INTERPRETED)
@settings(max_examples=examples(60), deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 4), max_size=9), min_size=1, max_size=8),
    asked=st.lists(st.integers(0, 4), unique=True, max_size=5),
    seed=st.integers(0, 99),
)
def test_accumulated_scores_equal_numpy(rows: list[list[int]], asked: list[int], seed: int, interpreted: bool) -> None:
    random = np.random.default_rng(seed)
    ptr, ids, tf = invert(rows, 5, False)
    weights = random.random(len(asked), np.float32)
    norm = random.random(len(rows), np.float32)
    scores = np.zeros(len(rows), np.float32)
    result = kernel("accumulate_bm25", interpreted)(np.array(asked, np.int64), weights, ptr, ids, tf, norm, scores)
    expected = np.zeros(len(rows), np.float32)
    for term, weight in zip(asked, weights, strict=True):
        texts, counts = ids[ptr[term] : ptr[term + 1]], tf[ptr[term] : ptr[term + 1]].astype(np.float32)
        expected[texts] += weight * counts / (counts + norm[texts])
    assert result == -1
    np.testing.assert_array_equal(scores, expected)


@pytest.mark.parametrize("interpreted", INTERPRETED)
@pytest.mark.parametrize("bad_row", [-1, 2, 2**31 - 1])
def test_a_posting_outside_the_scores_is_reported(bad_row: int, interpreted: bool) -> None:
    scores = np.zeros(2, np.float32)
    result = kernel("accumulate_bm25", interpreted)(
        np.array([0]),
        np.ones(1, np.float32),
        np.array([0, 2]),
        np.array([1, bad_row], np.int32),
        np.array([1, 1], np.uint16),
        np.zeros(2, np.float32),
        scores,
    )
    assert result == 1
    assert scores.tolist() == [0, 1]
