from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.build_index.lists import list_assignment
from densephrase.build_index.lists.list_assignment import ListAssignment
from densephrase.index.lists.list_tree import ListTree
from densephrase.quantise import centroids
from densephrase.quantise.centroids import Centroids

SCALE = np.array([0.5, 2.0, 1.0, 0.25], np.float32)


def random_tree(random: np.random.Generator, sizes: list[int]) -> ListTree:
    """Return groups with lists around them; codes are small, so that products are exact in float32."""
    group_ptr = np.cumsum([0, *sizes]).astype(np.int64)
    codes = random.integers(-20, 21, (int(group_ptr[-1]), 4)).astype(np.int8)
    return ListTree(random.integers(-20, 21, (len(sizes), 4)).astype(np.int8), group_ptr, codes)


def nearest_by_search(tree: ListTree, row: NDArray[np.int8], near: int) -> int:
    """Return the nearest list of the `near` nearest groups, in float64 and one list after the other."""
    vector, scale = row[:4] * SCALE.astype(float), SCALE.astype(float)

    def distance(code: NDArray[np.int8]) -> float:
        return float(np.square(code * scale - vector).sum())

    groups = sorted(range(len(tree.group_codes)), key=lambda group: (distance(tree.group_codes[group]), group))[:near]
    lists = [number for group in groups for number in range(tree.group_ptr[group], tree.group_ptr[group + 1])]
    return min(lists, key=lambda number: (distance(tree.list_codes[number]), number))


@pytest.mark.parametrize("near", [1, 2, 4])
@pytest.mark.parametrize("sizes", [[1], [3, 1, 5], [2, 2, 2, 2, 2, 2]], ids=["one list", "three groups", "six groups"])
@pytest.mark.parametrize("rows", [0, 1, 60])
def test_the_nearest_list_of_the_nearest_groups(
    rows: int, sizes: list[int], near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_assignment, "NEAR_GROUPS", near)
    monkeypatch.setattr(centroids, "ROWS_COMPARED", 7)
    random = np.random.default_rng(len(sizes))
    tree = random_tree(random, sizes)
    codes = random.integers(-20, 21, (rows, 6)).astype(np.int8)
    found = ListAssignment(tree, SCALE).nearest(codes)
    assert found.dtype == np.int32
    assert found.tolist() == [nearest_by_search(tree, row, near) for row in codes]


def test_of_equal_lists_the_first_one() -> None:
    tree = ListTree(np.zeros((2, 4), np.int8), np.array([0, 2, 4]), np.ones((4, 4), np.int8))
    assert ListAssignment(tree, SCALE).nearest(np.ones((3, 4), np.int8)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("rows", [0, 1, 60])
def test_the_nearest_centroids_of_codes(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centroids, "ROWS_COMPARED", 7)
    random = np.random.default_rng(rows)
    codes = random.integers(-20, 21, (rows, 4)).astype(np.int8)
    vectors = np.repeat(random.integers(-20, 21, (5, 4)), 2, axis=0).astype(np.float32)  # each stands there twice
    distances = np.square((codes * SCALE.astype(float))[:, None] - vectors).sum(2)
    found = Centroids(vectors).nearest_of_codes(codes, SCALE)
    assert found.dtype == np.int64
    assert found.tolist() == distances.argmin(1).tolist()
