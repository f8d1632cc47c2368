"""BM25 added up posting by posting, against plain numpy, compiled and as plain Python."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.common.plain_terms import accumulate_bm25
from densephrase.kernels.postings import count_postings, fill_postings
from tests.soaking import examples

INTERPRETED = [pytest.param(False, id="compiled"), pytest.param(True, id="interpreted")]


def form(interpreted: bool) -> Callable[..., Any]:
    return getattr(accumulate_bm25, "py_func", accumulate_bm25) if interpreted else accumulate_bm25


def invert(rows: list[list[int]], vocabulary_size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    row_end = np.cumsum([len(row) for row in rows], dtype=np.int64)
    terms = np.array([term for row in rows for term in row], np.int32)
    ptr = np.zeros(vocabulary_size + 1, np.int64)
    count_postings(row_end, terms, ptr[1:])
    np.cumsum(ptr, out=ptr)
    ids, tf = np.empty(ptr[-1], np.int32), np.empty(ptr[-1], np.uint16)
    fill_postings(row_end, terms, ptr, ids, tf)
    return ptr, ids, tf


@pytest.mark.parametrize("interpreted", INTERPRETED)
@settings(max_examples=examples(60), deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(0, 4), max_size=9), min_size=1, max_size=8),
    asked=st.lists(st.integers(0, 4), unique=True, max_size=5),
    seed=st.integers(0, 99),
)
def test_accumulated_scores_equal_numpy(rows: list[list[int]], asked: list[int], seed: int, interpreted: bool) -> None:
    random = np.random.default_rng(seed)
    ptr, ids, tf = invert(rows, 5)
    weights = random.random(len(asked), np.float32)
    norm = random.random(len(rows), np.float32)
    scores = np.zeros(len(rows), np.float32)
    result = form(interpreted)(np.array(asked, np.int64), weights, ptr, ids, tf, norm, scores)
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
    result = form(interpreted)(
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
