"""The scan kernel against a full sort of numpy dot products."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels.scan import scan

NO_IDS = np.empty(0, np.int64)
FUNCTIONS = pytest.mark.parametrize("function", [scan, scan.py_func], ids=["compiled", "python"])


class Best:
    """The best rows of several scans."""

    def __init__(self, k: int) -> None:
        self.scores, self.ids, self.size = np.empty(k, np.int32), np.empty(k, np.int64), 0

    def scan(
        self, function: Callable[..., int], codes: NDArray[np.int8], weights: NDArray[np.int16], **where: Any
    ) -> None:
        """Scan `ranges` of `codes`, named by `ids` or counted from `first_id`."""
        ranges = np.array(where.get("ranges", [(0, len(codes))]), np.int64).reshape(-1, 2)
        ids, first_id = where.get("ids", NO_IDS), where.get("first_id", 0)
        self.size = function(codes, ids, first_id, ranges, weights, self.scores, self.ids, self.size)

    def entries(self) -> list[tuple[int, int]]:
        """Return (score, id), best first."""
        entries = zip(self.scores[: self.size].tolist(), self.ids[: self.size].tolist(), strict=True)
        return sorted(entries, key=lambda entry: (-entry[0], entry[1]))


def expected(
    codes: NDArray[np.int8], weights: NDArray[np.int16], ids: NDArray[np.int64], k: int
) -> list[tuple[int, int]]:
    """Return the best (score, id) by a full sort."""
    scores = codes[:, : weights.size].astype(np.int64) @ weights.astype(np.int64)
    order = np.lexsort((ids, -scores))[:k]
    return list(zip(scores[order].tolist(), ids[order].tolist(), strict=True))


def sample(
    rows: int, columns: int, width: int, largest: int = 127, seed: int = 0
) -> tuple[NDArray[np.int8], NDArray[np.int16]]:
    """Return random codes int8[rows, columns] and weights int16[width]."""
    random = np.random.default_rng(seed)
    codes = random.integers(-largest, largest + 1, (rows, columns)).astype(np.int8)
    return codes, random.integers(-20000, 20000, width).astype(np.int16)


@FUNCTIONS
@pytest.mark.parametrize("k", [0, 1, 5, 1000])
@pytest.mark.parametrize(("rows", "columns", "width"), [(0, 8, 8), (1, 8, 8), (3, 8, 6), (50, 20, 16), (101, 16, 16)])
def test_scan_finds_the_best_rows(rows: int, columns: int, width: int, k: int, function: Callable[..., int]) -> None:
    codes, weights = sample(rows, columns, width)
    best = Best(k)
    best.scan(function, codes, weights, first_id=7)
    assert best.entries() == expected(codes, weights, np.arange(rows) + 7, k)


@FUNCTIONS
def test_equal_rows_come_in_the_order_of_their_ids(function: Callable[..., int]) -> None:
    codes, weights = np.ones((30, 4), np.int8), np.array([1, 2, 3, 4], np.int16)
    best = Best(7)
    best.scan(function, codes, weights)
    assert best.entries() == [(10, row) for row in range(7)]


@FUNCTIONS
def test_negative_scores_are_found_like_others(function: Callable[..., int]) -> None:
    codes, weights = -np.arange(1, 10, dtype=np.int8)[:, None], np.array([100], np.int16)
    best = Best(3)
    best.scan(function, codes, weights)
    assert best.entries() == [(-100, 0), (-200, 1), (-300, 2)]


@FUNCTIONS
def test_scans_of_parts_add_up_to_a_scan_of_all(function: Callable[..., int]) -> None:
    codes, weights = sample(60, 12, 10, largest=1)
    best = Best(11)
    for first, last in ((0, 1), (1, 1), (1, 40), (40, 60)):
        best.scan(function, codes[first:last], weights, first_id=first)
    assert best.entries() == expected(codes, weights, np.arange(60), 11)


@FUNCTIONS
def test_only_the_ranges_are_scanned_and_ids_name_the_rows(function: Callable[..., int]) -> None:
    codes, weights = sample(40, 12, 12, largest=1)
    ids = np.random.default_rng(1).permutation(1000)[:40]
    ranges = [(30, 40), (5, 6), (9, 9), (10, 17)]
    rows = np.concatenate([np.arange(first, last) for first, last in ranges])
    best = Best(6)
    best.scan(function, codes, weights, ids=ids, ranges=ranges)
    assert best.entries() == expected(codes[rows], weights, ids[rows], 6)


@FUNCTIONS
@pytest.mark.parametrize(("columns", "width"), [(1, 1), (7, 7), (33, 33), (63, 63), (65, 64), (208, 192), (208, 208)])
def test_every_width_and_every_last_row(columns: int, width: int, function: Callable[..., int]) -> None:
    codes, weights = sample(41, columns, width, largest=3)
    for rows in (1, 2, 3, 4, 5, 41):
        best = Best(6)
        best.scan(function, codes[:rows], weights, ranges=[(0, 0), (0, rows // 2), (rows // 2, rows), (rows, rows)])
        assert best.entries() == expected(codes[:rows], weights, np.arange(rows), 6)


@FUNCTIONS
def test_extreme_codes_and_weights(function: Callable[..., int]) -> None:
    codes = np.random.default_rng(2).choice(np.array([-128, 127], np.int8), (9, 512))
    weights = np.full(512, 32767, np.int16)
    weights[::2] *= -1
    best = Best(9)
    best.scan(function, codes, weights)
    assert best.entries() == expected(codes, weights, np.arange(9), 9)


@pytest.mark.parametrize("k", [1, 2, 40, 600])
def test_many_equal_scores_leave_the_smallest_ids(k: int) -> None:
    codes, weights = sample(3000, 4, 4, largest=1)
    ids = np.random.default_rng(3).permutation(100_000)[:3000] - 50_000
    best = Best(k)
    best.scan(scan, codes, weights // 20_000 + 1, ids=ids)
    assert best.entries() == expected(codes, weights // 20_000 + 1, ids, k)


def test_no_range_finds_nothing() -> None:
    codes, weights = sample(4, 3, 3)
    best = Best(2)
    best.scan(scan, codes, weights, ranges=[])
    assert best.entries() == []


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 80), st.integers(1, 20), st.integers(0, 90), st.integers(0, 2**32))
def test_random_shapes(rows: int, width: int, k: int, seed: int) -> None:
    codes, weights = sample(rows, width + seed % 3, width, largest=1 + seed % 5, seed=seed)
    best = Best(k)
    best.scan(scan, codes, weights)
    assert best.entries() == expected(codes, weights, np.arange(rows), k)
