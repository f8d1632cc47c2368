"""Sparse scores against products of explicit vocabulary vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels import sparse
from densephrase.kernels.sparse import SparseRows, sparse_scores
from tests.kernels.sparse_samples import sample


@pytest.fixture(params=["compiled", "python"])
def function(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return the kernel, compiled or, down to the last helper, as plain Python, which checks every index."""
    if request.param == "compiled":
        return sparse_scores
    for name in ("weigh_ngrams", "row_score", "skip_rows"):
        monkeypatch.setattr(sparse, name, getattr(sparse, name).py_func)
    return sparse_scores.py_func


@pytest.mark.parametrize("dtype", [np.uint16, np.int32], ids=["narrow", "wide"])
@pytest.mark.parametrize("seed", range(5))
def test_all_rows(seed: int, dtype: Any, function: Callable[..., None]) -> None:
    made = sample(seed, dtype=dtype)
    everything = np.arange(made.token.size)
    assert made.find(function, everything) == pytest.approx(made.expected(), abs=1e-9)


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 20), st.sampled_from([1, 2, 50]))
def test_some_rows(seed: int, paragraphs: int, tokens: int, vocabulary: int) -> None:
    made = sample(seed, paragraphs=paragraphs, tokens=tokens, vocabulary=vocabulary)
    selected = np.flatnonzero(np.random.default_rng(seed).random(made.token.size) < 0.4)
    assert made.find(sparse_scores, selected) == pytest.approx(made.expected()[selected], abs=1e-9)


def test_a_row_scores_the_same_in_any_company() -> None:
    made = sample(3, paragraphs=6, tokens=12)
    together = made.find(sparse_scores, np.arange(made.token.size))
    alone = [made.find(sparse_scores, np.array([row]))[0] for row in range(made.token.size)]
    assert together.tolist() == alone


def test_no_row_is_no_work() -> None:
    assert sample(0).find(sparse_scores, np.empty(0, np.int64)).size == 0


@pytest.mark.parametrize("what", ["unigram", "bigram"])
def test_a_question_without_some_ngrams(what: str) -> None:
    made = sample(1)
    getattr(made, what)[...] = 0
    everything = np.arange(made.token.size)
    assert made.find(sparse_scores, everything) == pytest.approx(made.expected(), abs=1e-9)


def test_a_question_without_ngrams_scores_nothing() -> None:
    made = sample(1)
    made.unigram[...], made.bigram[...] = 0, 0
    assert not made.find(sparse_scores, np.arange(made.token.size)).any()


HOSTILE: dict[str, Callable[[SparseRows], SparseRows]] = {
    "places before the paragraph": lambda rows: rows._replace(entries=np.full_like(rows.entries, -(2**15))),
    "places after the paragraph": lambda rows: rows._replace(entries=np.full_like(rows.entries, 2**15 - 1)),
    "unknown word pieces": lambda rows: rows._replace(pieces=np.full_like(rows.pieces, 60_000)),
    "counts beyond the entries": lambda rows: rows._replace(counts=np.full_like(rows.counts, 255)),
    "negative word pieces": lambda rows: rows._replace(pieces=np.full(rows.pieces.size, -5, np.int32)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_rows_read_nothing_outside(name: str, function: Callable[..., None]) -> None:
    made = sample(2)
    made.unigram[...], made.bigram[...] = 1, 1
    made.rows = HOSTILE[name](made.rows)
    scores = made.find(function, np.arange(made.token.size))
    assert np.isfinite(scores).all()
    assert scores.max() <= made.rows.weights.sum(dtype=np.int64)
