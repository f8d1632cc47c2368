"""The scan for several questions against a full sort of numpy dot products for each."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels.scan_batch import Asked, BestRows, scan_batch
from tests.soaking import examples

NO_IDS = np.empty(0, np.int64)
FUNCTIONS = pytest.mark.parametrize("function", [scan_batch, scan_batch.py_func], ids=["compiled", "python"])


def nothing(questions: int, k: int) -> BestRows:
    """Return the state before the first scan."""
    return BestRows(np.empty((questions, k), np.int32), np.empty((questions, k), np.int64), np.zeros(questions, int))


def asked(questions: list[list[int]]) -> Asked:
    """Return which questions each range is for."""
    ptr = np.cumsum([0, *map(len, questions)])
    return Asked(ptr, np.array([question for some in questions for question in some], np.int64))


def found(best: BestRows) -> list[list[tuple[int, int]]]:
    """Return (score, id) of each question, best first."""
    entries = [
        zip(scores[:size].tolist(), ids[:size].tolist(), strict=True)
        for scores, ids, size in zip(*best[:2], best.size.tolist(), strict=True)
    ]
    return [sorted(some, key=lambda entry: (-entry[0], entry[1])) for some in entries]


def expected(
    codes: NDArray[np.int8], weights: NDArray[np.int16], ids: NDArray[np.int64], k: int
) -> list[tuple[int, int]]:
    """Return the best (score, id) of one question by a full sort."""
    scores = codes[:, : weights.size].astype(np.int64) @ weights.astype(np.int64)
    order = np.lexsort((ids, -scores))[:k]
    return list(zip(scores[order].tolist(), ids[order].tolist(), strict=True))


@FUNCTIONS
@pytest.mark.parametrize("k", [0, 1, 7, 500])
@pytest.mark.parametrize("questions", [0, 1, 2, 3, 6])
def test_each_question_finds_its_best_rows(questions: int, k: int, function: Any) -> None:
    random = np.random.default_rng(1)
    codes = random.integers(-128, 128, (150, 40)).astype(np.int8)
    weights = random.integers(-20000, 20000, (questions, 33)).astype(np.int16)
    best = nothing(questions, k)
    ranges = np.array([[0, 70], [70, 70], [70, 71], [71, 150]])
    function(codes, NO_IDS, 5, ranges, asked([list(range(questions))] * 4), weights, best)
    assert found(best) == [expected(codes, one, np.arange(150) + 5, k) for one in weights]


@FUNCTIONS
def test_a_range_is_scanned_for_those_who_ask(function: Any) -> None:
    random = np.random.default_rng(2)
    codes, ids = random.integers(-2, 3, (400, 64)).astype(np.int8), random.permutation(1000)[:400]
    weights = random.integers(-2, 3, (4, 64)).astype(np.int16)
    ranges = np.array([[300, 400], [0, 100], [100, 101], [150, 300]])
    who = [[2, 0, 1], [], [1], [1, 2]]
    best = nothing(4, 20)
    function(codes, ids, 0, ranges[:2], asked(who[:2]), weights, best)
    function(codes, ids, 0, ranges[2:], asked(who[2:]), weights, best)
    for question in range(4):
        mine = [np.arange(*span) for span, some in zip(ranges, who, strict=True) if question in some]
        rows = np.concatenate([np.empty(0, np.int64), *mine])
        assert found(best)[question] == expected(codes[rows], weights[question], ids[rows], 20)


@settings(deadline=None, max_examples=examples(50))  # the first example compiles
@given(st.integers(0, 600), st.integers(1, 70), st.integers(1, 5), st.integers(1, 300), st.integers(0, 2**32))
def test_random_shapes(rows: int, width: int, questions: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(-3, 4, (rows, width + seed % 3)).astype(np.int8)
    weights = random.integers(-5, 6, (questions, width)).astype(np.int16)
    best = nothing(questions, k)
    scan_batch(codes, NO_IDS, 0, np.array([[0, rows]]), asked([list(range(questions))]), weights, best)
    assert found(best) == [expected(codes, one, np.arange(rows), k) for one in weights]
