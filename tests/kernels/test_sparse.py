"""Sparse scores against products of explicit vocabulary vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels import sparse
from densephrase.kernels.sparse import sparse_scores
from tests.kernels.sparse_samples import sample


@pytest.fixture(params=["compiled", "python"])
def function(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return the kernel, compiled or, down to the last helper, as plain Python, which checks every index."""
    if request.param == "compiled":
        return sparse_scores
    for name in ("match_ngrams", "row_score"):
        monkeypatch.setattr(sparse, name, getattr(sparse, name).py_func)
    return sparse_scores.py_func


@pytest.mark.parametrize("dtype", [np.uint16, np.int32], ids=["narrow", "wide"])
@pytest.mark.parametrize("side", [0, 1], ids=["starts", "ends"])
@pytest.mark.parametrize("seed", range(5))
def test_all_rows(seed: int, side: int, dtype: Any, function: Callable[..., None]) -> None:
    made = sample(seed, side=side, dtype=dtype)
    everything = np.arange(made.token.size)
    assert made.find(function, everything) == pytest.approx(made.expected(), abs=1e-9)


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 20), st.sampled_from([1, 2, 50]), st.integers(1, 9))
def test_some_rows(seed: int, paragraphs: int, tokens: int, vocabulary: int, rank: int) -> None:
    made = sample(seed, paragraphs=paragraphs, tokens=tokens, vocabulary=vocabulary, rank=rank)
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


def test_the_largest_codes_do_not_overflow() -> None:
    made = sample(1, rank=64)
    made.rows.queries[...], made.rows.keys[...] = 127, 127
    assert made.find(sparse_scores, np.arange(made.token.size)) == pytest.approx(made.expected(), rel=1e-12)


PIECES = {"unknown": 60_000, "negative": -5}


@pytest.mark.parametrize("name", PIECES)
def test_damaged_word_pieces_match_nothing(name: str, function: Callable[..., None]) -> None:
    made = sample(2)
    made.unigram[...], made.bigram[...] = 1, 1
    made.rows = made.rows._replace(pieces=np.full(made.rows.pieces.size, PIECES[name], np.int32))
    assert not made.find(function, np.arange(made.token.size)).any()
