"""Assignment in torch against assignment in numpy; torch's processor stands for a CUDA device."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.build_index.lists import cuda_assignment, list_assignment
from densephrase.build_index.lists.cuda_assignment import CudaCentroids, CudaListAssignment
from densephrase.build_index.lists.list_assignment import ListAssignment
from densephrase.errors import DeviceError
from densephrase.index.lists.list_tree import ListTree

SCALE = np.random.default_rng(0).uniform(0.5, 2.0, 6).astype(np.float32)


def random_tree(random: np.random.Generator, sizes: list[int]) -> ListTree:
    group_ptr = np.cumsum([0, *sizes]).astype(np.int64)
    codes = random.integers(-127, 128, (int(group_ptr[-1]), 6)).astype(np.int8)
    return ListTree(random.integers(-127, 128, (len(sizes), 6)).astype(np.int8), group_ptr, codes)


@pytest.mark.parametrize("near", [1, 2, 4])
@pytest.mark.parametrize("sizes", [[1], [3, 1, 5], [2, 2, 9, 2, 1, 2]], ids=["one list", "three groups", "six groups"])
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_lists_are_those_of_the_processor(
    rows: int, sizes: list[int], near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (cuda_assignment, list_assignment):
        monkeypatch.setattr(module, "NEAR_GROUPS", near)
    monkeypatch.setattr(cuda_assignment, "_ROWS_COMPARED", 70)
    random = np.random.default_rng(rows)
    tree, codes = random_tree(random, sizes), random.integers(-127, 128, (rows, 8)).astype(np.int8)
    found = CudaListAssignment(tree, SCALE, "cpu").nearest(codes)
    assert found.dtype == np.int32
    assert found.tolist() == ListAssignment(tree, SCALE).nearest(codes).tolist()


def test_of_equal_lists_the_first_is_taken() -> None:
    tree = ListTree(np.zeros((2, 6), np.int8), np.array([0, 2, 4]), np.ones((4, 6), np.int8))
    assert CudaListAssignment(tree, SCALE, "cpu").nearest(np.ones((3, 6), np.int8)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("rows", [1, 200])
def test_centroids_are_compared_with_every_row(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_assignment, "_ROWS_COMPARED", 70)
    random = np.random.default_rng(rows)
    sample, centroids = random.integers(-127, 128, (rows, 6)).astype(np.int8), random.normal(size=(9, 6))
    distances = np.square((sample * SCALE.astype(float))[:, None] - 100 * centroids).sum(2)
    found = CudaCentroids((100 * centroids).astype(np.float32), "cpu").nearest_of_codes(sample, SCALE)
    assert found.tolist() == distances.argmin(1).tolist()


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(DeviceError, match="cuda:99"):
        CudaListAssignment(random_tree(np.random.default_rng(0), [2]), SCALE, "cuda:99")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_device_assigns_as_the_processor_does() -> None:
    random = np.random.default_rng(0)
    tree, codes = random_tree(random, [40] * 30), random.integers(-127, 128, (100_000, 6)).astype(np.int8)
    found = CudaListAssignment(tree, SCALE, "cuda").nearest(codes)
    assert (found == ListAssignment(tree, SCALE).nearest(codes)).mean() > 0.999  # others lie between two lists
