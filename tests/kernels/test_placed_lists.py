"""Lists of places against a search for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from densephrase.kernels.placed_lists import PLACE_BLOCK, PlacedLists, lists_of, lists_of_blocks


@pytest.mark.parametrize("function", [lists_of, lists_of.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize(
    "sizes",
    [[5], [0, 3, 0, 0, 2], [PLACE_BLOCK, PLACE_BLOCK], [1] * 200, [0, 300, 0, 1, 129, 0]],
    ids=lambda sizes: str(len(sizes)),
)
def test_every_place_is_found(function: Callable[..., Any], sizes: list[int]) -> None:
    ptr = np.cumsum([0, *sizes])
    lists = PlacedLists(ptr, lists_of_blocks(ptr), np.empty((len(sizes), 0), np.int8))
    places = np.random.default_rng(0).permutation(ptr[-1])
    assert function(places, lists).tolist() == np.repeat(np.arange(len(sizes)), sizes)[places].tolist()


def test_no_lists_have_no_blocks() -> None:
    assert lists_of_blocks(np.zeros(1, np.int64)).size == 0
