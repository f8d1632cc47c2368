from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.build_index.lists.list_training import share_out, train_lists
from densephrase.errors import MissingExtraError

SCALE = np.array([0.5, 2.0, 1.0], np.float32)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=9), st.floats(0, 1))
def test_shares_are_proportional_and_no_larger_than_what_there_is(sizes: list[int], part: float) -> None:
    counts = np.array(sizes, np.int64)
    total = int(part * counts.sum())
    shares = share_out(total, counts)
    assert shares.sum() == total
    assert (shares >= 0).all()
    assert (shares <= counts).all()
    assert (np.abs(shares - total * counts / max(1, counts.sum())) < 1).all()


def test_equal_remainders_go_to_the_first() -> None:
    assert share_out(2, np.array([5, 5, 5, 5])).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize(("rows", "lists", "groups"), [(400, 16, 4), (20, 20, 5), (3, 2, 2), (1, 1, 1)])
def test_there_are_as_many_lists_as_wanted_and_each_group_has_some(rows: int, lists: int, groups: int) -> None:
    sample = np.random.default_rng(0).integers(-127, 128, (rows, 3)).astype(np.int8)
    tree = train_lists(sample, SCALE, lists, groups, seed=0)
    assert tree.list_codes.shape == (lists, 3)
    assert 1 <= len(tree.group_codes) <= groups
    assert tree.group_ptr[0] == 0
    assert tree.group_ptr[-1] == lists
    assert (np.diff(tree.group_ptr) > 0).all()
    again = train_lists(sample, SCALE, lists, groups, seed=0)
    assert np.array_equal(tree.list_codes, again.list_codes)
    assert np.array_equal(tree.group_codes, again.group_codes)


def test_clusters_are_found_group_by_group() -> None:
    # Two heaps far apart on the second axis, of three and one tight clusters; lists go where the rows are.
    centres = np.array([[-100, -50, 0], [0, -50, 0], [100, -50, 0], [0, 60, 0]])
    sample = np.repeat(centres, 30, axis=0) + np.random.default_rng(0).integers(-3, 4, (120, 3))
    tree = train_lists(sample.astype(np.int8), SCALE, lists=4, groups=2, seed=0)
    assert sorted(np.diff(tree.group_ptr).tolist()) == [1, 3]
    found = tree.list_codes[np.lexsort((tree.list_codes[:, 0], tree.list_codes[:, 1]))]
    assert np.abs(found - centres).max() <= 2


def test_a_missing_faiss_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'densephrase\[cpu\]'"):
        train_lists(np.zeros((4, 3), np.int8), SCALE, lists=2, groups=1, seed=0)
