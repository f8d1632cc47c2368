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
