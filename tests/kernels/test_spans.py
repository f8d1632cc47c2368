"""The best end of each start against explicit loops over decoded rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.kernels.spans import BestEnds, EndQuestion, EndRows, best_ends
from tests.kernels.sparse_samples import NO_NGRAMS, Sample
from tests.kernels.sparse_samples import sample as sparse_sample

LOW_BITS, STEP, COHERENCY_STEP, SPARSE_STEP = 10, 1e-6, 1e-5, 1e-4
Found = tuple[int, int, int, float]


@dataclass(frozen=True)
class Rows:
    """Start rows and, with their sparse vectors, end rows of a few paragraphs, with a question."""

    start_paragraph: NDArray[np.int64]
    start_token: NDArray[np.uint16]
    start_codes: NDArray[np.int8]
    ends: Sample
    end_codes: NDArray[np.int8]
    weights: NDArray[np.int16]
    scale: NDArray[np.int64]
    has_sparse: bool

    def find(self, function: Callable[..., None], starts: NDArray[np.int64], longest: int) -> list[Found]:
        """Return (end, dot, coherency, sparse) of each start, as the kernel finds them."""
        best = BestEnds(*np.full((3, starts.size), 9), np.full(starts.size, 9.0))
        ends = EndRows(self.ends.row_ptr, self.ends.token, self.end_codes, self.ends.rows)
        ngrams = self.ends.question() if self.has_sparse else NO_NGRAMS
        ngrams = ngrams._replace(unigram=ngrams.unigram * SPARSE_STEP, pair=ngrams.pair * SPARSE_STEP)
        question = EndQuestion(self.weights, LOW_BITS, STEP, self.scale, COHERENCY_STEP, ngrams)
        paragraphs = self.start_paragraph[starts]
        function(starts, paragraphs, self.start_token, self.start_codes, ends, question, longest, best)
        return list(zip(*(column.tolist() for column in best), strict=True))

    def expected(self, start: int, longest: int) -> Found:
        """Return (end, dot, coherency, sparse) of one start, by trying every end row."""
        width = self.weights.shape[1]
        weights = self.weights[0].astype(np.int64) * 2**LOW_BITS + self.weights[1]
        sparse = self.ends.expected() * SPARSE_STEP * self.has_sparse
        best, found = -np.inf, (-1, 0, 0, 0.0)
        paragraph, token = self.start_paragraph[start], int(self.start_token[start])
        for end in range(self.ends.row_ptr[paragraph], self.ends.row_ptr[paragraph + 1]):
            if not token <= self.ends.token[end] < token + longest:
                continue
            dot = int(self.end_codes[end, :width].astype(np.int64) @ weights)
            columns = self.start_codes[start, width:].astype(np.int64) * self.end_codes[end, width:]
            pair = int(columns @ self.scale)
            score = dot * STEP + pair * COHERENCY_STEP + sparse[end]
            if score > best + 1e-9:
                best, found = score, (end, dot, pair, float(sparse[end]))
        return found


def sample(
    seed: int, paragraphs: int = 4, tokens: int = 9, rank: int = 2, largest: int = 100, has_sparse: bool = False
) -> Rows:
    """Return random rows; most tokens of a paragraph are kept as an end, half of them as a start."""
    random = np.random.default_rng(seed)
    ends = sparse_sample(seed, paragraphs=paragraphs, tokens=tokens)
    kept = random.random((paragraphs, tokens)) < random.random((paragraphs, 1))
    paragraph, token = np.nonzero(kept)
    codes = [
        random.integers(-largest, largest + 1, (rows, 6 + rank)).astype(np.int8)
        for rows in (token.size, ends.token.size)
    ]
    weights = random.integers(-(2**9), 2**9, (2, 6)).astype(np.int16)
    scale = random.integers(1, 1000, rank)
    return Rows(paragraph, token.astype(np.uint16), codes[0], ends, codes[1], weights, scale, has_sparse)


def few_ends(token: int, ends: list[int]) -> Rows:
    """Return one start at `token` and some ends that all score alike."""
    rows = sample(1, paragraphs=1)
    made = replace(rows.ends, token=np.array(ends, np.uint16), row_ptr=np.array([0, len(ends)]))
    return replace(
        rows,
        start_paragraph=np.zeros(1, np.int64),
        start_token=np.full(1, token, np.uint16),
        start_codes=np.zeros((1, 8), np.int8),
        ends=made,
        end_codes=np.ones((len(ends), 8), np.int8),
    )


def check(rows: Rows, function: Callable[..., None], starts: NDArray[np.int64], longest: int) -> None:
    """Compare the kernel with the loops."""
    found = rows.find(function, starts, longest)
    for one, expected in zip(found, [rows.expected(start, longest) for start in starts.tolist()], strict=True):
        assert one[:3] == expected[:3]
        assert one[3] == pytest.approx(expected[3], abs=1e-9)


SPARSE = pytest.mark.parametrize("has_sparse", [False, True], ids=["dense", "sparse"])


@pytest.mark.parametrize("function", [best_ends, best_ends.py_func], ids=["compiled", "python"])
@SPARSE
@pytest.mark.parametrize("longest", [1, 3, 100])
@pytest.mark.parametrize("seed", range(5))
def test_best_ends_of_all_starts(seed: int, longest: int, has_sparse: bool, function: Callable[..., None]) -> None:
    rows = sample(seed, has_sparse=has_sparse)
    check(rows, function, np.arange(rows.start_token.size), longest)


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(0, 3), st.sampled_from([0, 1, 127]), st.booleans())
def test_best_ends_of_some_starts(seed: int, longest: int, rank: int, largest: int, has_sparse: bool) -> None:
    rows = sample(seed, 1 + seed % 5, 1 + seed % 12, rank, largest, has_sparse)
    starts = np.flatnonzero(np.random.default_rng(seed).random(rows.start_token.size) < 0.4)
    check(rows, best_ends, starts, longest)


def test_no_start_is_no_work() -> None:
    assert sample(0).find(best_ends, np.empty(0, np.int64), 5) == []


def test_the_smallest_end_wins_a_tie() -> None:
    assert few_ends(0, [2, 3, 4, 5, 6]).find(best_ends, np.zeros(1, np.int64), 20)[0][0] == 0


def test_a_start_without_an_end_is_marked() -> None:
    assert few_ends(8, [2, 40]).find(best_ends, np.zeros(1, np.int64), 20) == [(-1, 0, 0, 0.0)]
