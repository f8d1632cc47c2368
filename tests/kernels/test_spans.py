"""Scores of starts with their best ends against explicit loops over all rows, in exact integers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels import coherency, gather, spans, sparse
from densephrase.kernels.mapped import Places
from densephrase.kernels.placed_lists import PlacedLists
from densephrase.kernels.span_rows import EndRows, SpanQuestion, SpanScores, StartRows
from densephrase.kernels.spans import score_starts
from tests.kernels.interpreted import interpret
from tests.kernels.sparse_samples import NO_NGRAMS, Sample
from tests.kernels.sparse_samples import sample as sparse_sample

NO_CODES = np.empty(0, np.int32), np.empty((0, 0), np.int8)
LOW_BITS, STEP, COHERENCY_STEP = 10, 1e-6, 1e-5
Found = tuple[int, int, int, int, float, float]


@dataclass(frozen=True)
class Rows:
    """Start and end rows of a few paragraphs, with a question."""

    starts: Sample
    ends: Sample
    start_codes: NDArray[np.int8]
    end_codes: NDArray[np.int8]
    weights: NDArray[np.int16]  # [2, 2, V] of starts and of ends
    scale: NDArray[np.int64]
    has_sparse: bool

    def find(self, function: Callable[..., None], starts: NDArray[np.int64], longest: int) -> list[Found]:
        """Return what the kernel finds of each start."""
        scores = SpanScores(*np.full((4, starts.size), 9), *np.full((2, starts.size), 9.0))
        no_bits, no_entries = np.empty(0, np.uint8), np.empty((0, 256, self.scale.size), np.int16)
        starts_at, ends_at = Places.of(self.starts.token), Places.of(self.ends.token)
        no_places, no_lists = np.empty(0, np.int32), PlacedLists(np.zeros(1, np.int64), *NO_CODES)
        start_columns = self.starts.row_ptr, starts_at, no_bits, no_places, self.start_codes
        rows = (
            StartRows(*start_columns, no_entries, self.starts.rows, no_lists),
            EndRows(
                *(self.ends.row_ptr, ends_at, no_bits, self.end_codes, no_entries, no_entries, no_entries[:, 0].copy()),
                self.ends.rows,
            ),
        )
        ngrams = [self.starts.question.table(side) if self.has_sparse else NO_NGRAMS for side in (0, 1)]
        tables = np.empty((2, 0, 256), np.int32)
        predicted = self.weights[1], tables[0], np.zeros(3)
        question = SpanQuestion(
            *(*self.weights, *tables, 0.0, *predicted, LOW_BITS, STEP, self.scale, COHERENCY_STEP), *ngrams
        )
        function(starts, self.starts.paragraph[starts], *rows, question, longest, scores)
        return list(zip(*(column.tolist() for column in scores), strict=True))

    def expected(self, start: int, longest: int) -> Found:
        """Return the same of one start, by trying every end row."""
        width = self.weights.shape[2]
        halves = self.weights[:, 0].astype(np.int64) * 2**LOW_BITS + self.weights[:, 1]
        sparse = [side.expected() * self.has_sparse for side in (self.starts, self.ends)]
        paragraph, token = self.starts.paragraph[start], int(self.starts.token[start])
        start_dot = int(self.start_codes[start, :width].astype(np.int64) @ halves[0])
        best, found = -np.inf, (-1, 0, 0, 0.0)
        for end in range(self.ends.row_ptr[paragraph], self.ends.row_ptr[paragraph + 1]):
            if not token <= self.ends.token[end] < token + longest:
                continue
            dot = int(self.end_codes[end, :width].astype(np.int64) @ halves[1])
            columns = self.start_codes[start, width:].astype(np.int64) * self.end_codes[end, width:]
            pair = int(columns @ self.scale)
            score = dot * STEP + pair * COHERENCY_STEP + float(sparse[1][end])
            if score > best:
                best, found = score, (end, dot, pair, float(sparse[1][end]))
        return found[0], start_dot, found[1], found[2], float(sparse[0][start]), found[3]


def sample(
    seed: int,
    paragraphs: int = 4,
    tokens: int = 9,
    rank: int = 2,
    largest: int = 100,
    has_sparse: bool = False,
    dtype: Any = np.uint16,
) -> Rows:
    """Return random rows; most tokens of a paragraph are kept as a start and as an end."""
    random = np.random.default_rng(seed)
    starts, ends = (
        sparse_sample(seed, paragraphs=paragraphs, tokens=tokens, side=side, dtype=dtype) for side in (0, 1)
    )
    ends = replace(ends, question=starts.question)
    codes = [
        random.integers(-largest, largest + 1, (side.token.size, 6 + rank)).astype(np.int8) for side in (starts, ends)
    ]
    weights = random.integers(-(2**9), 2**9, (2, 2, 6)).astype(np.int16)
    return Rows(starts, ends, *codes, weights, random.integers(1, 2**20, rank), has_sparse)


def few_ends(token: int, ends: list[int]) -> Rows:
    """Return one start at `token` and some ends that all score alike."""
    rows = sample(1, paragraphs=1)
    return replace(
        rows,
        starts=replace(rows.starts, token=np.array([token], np.uint16), row_ptr=np.array([0, 1])),
        ends=replace(rows.ends, token=np.array(ends, np.uint16), row_ptr=np.array([0, len(ends)])),
        start_codes=np.zeros((1, 8), np.int8),
        end_codes=np.ones((len(ends), 8), np.int8),
    )


def check(rows: Rows, function: Callable[..., None], starts: NDArray[np.int64], longest: int) -> None:
    """Compare the kernel with the loops."""
    assert rows.find(function, starts, longest) == [rows.expected(start, longest) for start in starts.tolist()]


@pytest.fixture(params=["compiled", "python"])
def function(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return the kernel, compiled or as plain Python."""
    if request.param == "python":
        interpret(monkeypatch, coherency, gather, sparse, spans)
    return spans.score_starts


@pytest.mark.parametrize("has_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("longest", [1, 3, 100])
@pytest.mark.parametrize("seed", range(5))
def test_all_starts(seed: int, longest: int, has_sparse: bool, function: Callable[..., None]) -> None:
    rows = sample(seed, has_sparse=has_sparse)
    check(rows, function, np.arange(rows.starts.token.size), longest)


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(0, 3), st.sampled_from([0, 1, 127]), st.booleans())
def test_some_starts(seed: int, longest: int, rank: int, largest: int, has_sparse: bool) -> None:
    dtype = (np.uint16, np.int32)[seed % 2]
    rows = sample(seed, 1 + seed % 5, 1 + seed % 12, rank, largest, has_sparse, dtype)
    starts = np.flatnonzero(np.random.default_rng(seed).random(rows.starts.token.size) < 0.4)
    check(rows, score_starts, starts, longest)


@pytest.mark.parametrize("side", [0, 1], ids=["starts", "ends"])
def test_ngrams_that_weigh_on_one_side_only(side: int, function: Callable[..., None]) -> None:
    rows = sample(6, has_sparse=True)
    for weights in (rows.starts.question.unigram, rows.starts.question.bigram):
        weights[1 - side] = 0
    check(rows, function, np.arange(rows.starts.token.size), 5)


def test_no_start_is_no_work(function: Callable[..., None]) -> None:
    assert sample(0, has_sparse=True).find(function, np.empty(0, np.int64), 5) == []


def test_the_smallest_end_wins_a_tie(function: Callable[..., None]) -> None:
    assert few_ends(0, [2, 3, 4, 5, 6]).find(function, np.zeros(1, np.int64), 20)[0][0] == 0


@pytest.mark.parametrize("ends", [[2, 40], []], ids=["out of reach", "none"])
def test_a_start_without_an_end_is_marked(ends: list[int], function: Callable[..., None]) -> None:
    assert few_ends(8, ends).find(function, np.zeros(1, np.int64), 20) == [(-1, 0, 0, 0, 0.0, 0.0)]


def test_a_start_scores_the_same_in_any_company() -> None:
    rows = sample(4, paragraphs=6, has_sparse=True)
    together = rows.find(score_starts, np.arange(rows.starts.token.size), 4)
    assert together == [rows.find(score_starts, np.array([row]), 4)[0] for row in range(len(together))]
