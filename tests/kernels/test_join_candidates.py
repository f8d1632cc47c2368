"""Starts of chosen paragraphs and other starts, joined, against a set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels.candidates import join_candidates
from tests.kernels.shard_samples import Shards, make_shards

SHARDS = make_shards(7, paragraphs=(3, 0, 12, 1, 0, 20))
STARTS, PARAGRAPHS = int(SHARDS.table.starts[-1]), int(SHARDS.table.paragraphs[-1])


def check(function: Callable[..., np.ndarray], shards: Shards, dense: set[int], paragraphs: list[int]) -> None:
    """Compare with the set of all rows."""
    found = function(np.array(sorted(dense), np.int64), np.array(paragraphs, np.int64), shards.table)
    assert found.dtype == np.int64
    assert found.tolist() == sorted(dense.union(*(shards.starts_of(paragraph) for paragraph in paragraphs)))


@settings(deadline=None)  # the first example compiles
@given(
    st.sets(st.integers(0, STARTS - 1)),
    st.lists(st.integers(0, PARAGRAPHS - 1), unique=True),
)
def test_each_row_comes_once_in_order(dense: set[int], paragraphs: list[int]) -> None:
    check(join_candidates, SHARDS, dense, paragraphs)


@pytest.mark.parametrize("function", [join_candidates, join_candidates.py_func], ids=["compiled", "python"])
def test_all_some_and_none(function: Callable[..., np.ndarray]) -> None:
    everything, rows = list(range(PARAGRAPHS)), set(range(STARTS))
    for dense in (set(), {0}, {STARTS - 1}, rows):
        for paragraphs in ([], everything, everything[::-3]):
            check(function, SHARDS, dense, paragraphs)
