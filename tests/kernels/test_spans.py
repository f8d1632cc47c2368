"""The best end of each start against explicit loops over decoded rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels.spans import best_ends

LOW_BITS, STEP, COHERENCY_STEP = 10, 1e-6, 1e-5


@dataclass
class Rows:
    """Start and end rows of a few paragraphs, with a question."""

    start_paragraph: NDArray[np.int32]
    start_token: NDArray[np.int32]
    start_codes: NDArray[np.int8]
    end_ptr: NDArray[np.int64]
    end_token: NDArray[np.int32]
    end_codes: NDArray[np.int8]
    weights: NDArray[np.int16]
    scale: NDArray[np.int64]

    def find(
        self, function: Callable[..., None], starts: NDArray[np.int64], longest: int
    ) -> list[tuple[int, int, int]]:
        """Return (end, dot, coherency) of each start, as the kernel finds them."""
        end, dots, pairs = np.full(starts.size, 9), np.full(starts.size, 9), np.full(starts.size, 9)
        function(
            starts, self.start_paragraph, self.start_token, self.start_codes, self.end_ptr, self.end_token,
            self.end_codes, self.weights, LOW_BITS, STEP, self.scale, COHERENCY_STEP, longest, end, dots, pairs,
        )  # fmt: skip
        return list(zip(end.tolist(), dots.tolist(), pairs.tolist(), strict=True))

    def expected(self, start: int, longest: int) -> tuple[int, int, int]:
        """Return (end, dot, coherency) of one start, by trying every end row."""
        width = self.weights.shape[1]
        weights = self.weights[0].astype(np.int64) * 2**LOW_BITS + self.weights[1]
        best, found = -np.inf, (-1, 0, 0)
        paragraph, token = self.start_paragraph[start], self.start_token[start]
        for end in range(self.end_ptr[paragraph], self.end_ptr[paragraph + 1]):
            if not token <= self.end_token[end] < token + longest:
                continue
            dot = int(self.end_codes[end, :width].astype(np.int64) @ weights)
            columns = self.start_codes[start, width:].astype(np.int64) * self.end_codes[end, width:]
            pair = int(columns @ self.scale)
            score = dot * STEP + pair * COHERENCY_STEP
            if score > best:
                best, found = score, (end, dot, pair)
        return found


def sample(seed: int, paragraphs: int = 4, tokens: int = 9, rank: int = 2, largest: int = 100) -> Rows:
    """Return random rows; each token of each paragraph is kept as a start and as an end with probability one half."""
    random = np.random.default_rng(seed)
    kept = random.random((2, paragraphs, tokens)) < random.random((2, paragraphs, 1))
    start_paragraph, start_token = (column.astype(np.int32) for column in np.nonzero(kept[0]))
    end_paragraph, end_token = (column.astype(np.int32) for column in np.nonzero(kept[1]))
    codes = [
        random.integers(-largest, largest + 1, (column.size, 6 + rank)).astype(np.int8)
        for column in (start_token, end_token)
    ]
    weights = random.integers(-(2**9), 2**9, (2, 6)).astype(np.int16)
    ptr = np.searchsorted(end_paragraph, np.arange(paragraphs + 1)).astype(np.int64)
    return Rows(
        start_paragraph, start_token, codes[0], ptr, end_token, codes[1], weights, random.integers(1, 1000, rank)
    )


def check(rows: Rows, function: Callable[..., None], starts: NDArray[np.int64], longest: int) -> None:
    """Compare the kernel with the loops."""
    found = rows.find(function, starts, longest)
    assert found == [rows.expected(start, longest) for start in starts.tolist()]


@pytest.mark.parametrize("function", [best_ends, best_ends.py_func], ids=["compiled", "python"])
@pytest.mark.parametrize("longest", [1, 3, 100])
@pytest.mark.parametrize("seed", range(5))
def test_best_ends_of_all_starts(seed: int, longest: int, function: Callable[..., None]) -> None:
    rows = sample(seed)
    check(rows, function, np.arange(rows.start_token.size), longest)


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(0, 3), st.sampled_from([0, 1, 127]))
def test_best_ends_of_some_starts(seed: int, longest: int, rank: int, largest: int) -> None:
    rows = sample(seed, paragraphs=1 + seed % 5, tokens=1 + seed % 12, rank=rank, largest=largest)
    starts = np.flatnonzero(np.random.default_rng(seed).random(rows.start_token.size) < 0.4)
    check(rows, best_ends, starts, longest)


def test_no_start_is_no_work() -> None:
    assert sample(0).find(best_ends, np.empty(0, np.int64), 5) == []


def test_the_smallest_end_wins_a_tie() -> None:
    rows = sample(1, paragraphs=1)
    rows.start_token, rows.start_paragraph = np.zeros(1, np.int32), np.zeros(1, np.int32)
    rows.end_token, rows.end_ptr = np.arange(2, 7, dtype=np.int32), np.array([0, 5])
    rows.start_codes, rows.end_codes = np.zeros((1, 8), np.int8), np.ones((5, 8), np.int8)
    assert rows.find(best_ends, np.zeros(1, np.int64), 20)[0][0] == 0


def test_a_start_without_an_end_is_marked() -> None:
    rows = sample(1, paragraphs=1)
    rows.start_token, rows.start_paragraph = np.full(1, 8, np.int32), np.zeros(1, np.int32)
    rows.end_token, rows.end_ptr = np.array([2, 40], np.int32), np.array([0, 2])
    rows.start_codes, rows.end_codes = np.zeros((1, 8), np.int8), np.ones((2, 8), np.int8)
    assert rows.find(best_ends, np.zeros(1, np.int64), 20) == [(-1, 0, 0)]
