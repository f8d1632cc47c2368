"""Sparse scores against products of explicit vocabulary vectors, which are sums of integers: no digit may differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels import sparse
from densephrase.kernels.mapped import Places
from densephrase.kernels.sparse import LARGEST_WEIGHT, ROOM, sparse_scores
from tests.kernels.interpreted import interpret
from tests.kernels.sparse_samples import STEP, sample


@pytest.fixture(params=["compiled", "python"])
def function(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return the kernel, compiled or as plain Python."""
    if request.param == "python":
        interpret(monkeypatch, sparse)
    return sparse.sparse_scores


@pytest.mark.parametrize("dtype", [np.uint16, np.int32], ids=["narrow", "wide"])
@pytest.mark.parametrize("side", [0, 1], ids=["starts", "ends"])
@pytest.mark.parametrize("seed", range(5))
def test_all_rows(seed: int, side: int, dtype: Any, function: Callable[..., None]) -> None:
    made = sample(seed, side=side, dtype=dtype)
    assert made.find(function, np.arange(made.token.size)) == made.expected().tolist()


@settings(deadline=None)  # the first example compiles
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 20), st.sampled_from([1, 2, 50]), st.integers(1, 9))
def test_some_rows(seed: int, paragraphs: int, tokens: int, vocabulary: int, rank: int) -> None:
    made = sample(seed, paragraphs=paragraphs, tokens=tokens, vocabulary=vocabulary, rank=rank)
    selected = np.flatnonzero(np.random.default_rng(seed).random(made.token.size) < 0.4)
    assert made.find(sparse_scores, selected) == made.expected()[selected].tolist()


@pytest.mark.parametrize("rank", range(1, 10))
def test_ranks_that_are_no_multiple_of_what_is_multiplied_at_once(rank: int, function: Callable[..., None]) -> None:
    made = sample(rank, rank=rank, tokens=5)
    assert made.find(function, np.arange(made.token.size)) == made.expected().tolist()


def test_a_paragraph_longer_than_the_room_at_first(function: Callable[..., None]) -> None:
    made = sample(1, paragraphs=3, tokens=2 * ROOM, vocabulary=2, rank=1)
    assert np.diff(made.rows.piece_ptr).max() > ROOM
    made.question.unigram[...], made.question.bigram[...] = 1, 2  # everything matches
    selected = np.arange(0, made.token.size, 17)
    assert made.find(function, selected) == made.expected()[selected].tolist()


def test_a_row_scores_the_same_in_any_company() -> None:
    made = sample(3, paragraphs=6, tokens=12)
    together = made.find(sparse_scores, np.arange(made.token.size))
    alone = [made.find(sparse_scores, np.array([row]))[0] for row in range(made.token.size)]
    assert together == alone


def test_no_row_is_no_work() -> None:
    assert sample(0).find(sparse_scores, np.empty(0, np.int64)) == []


@pytest.mark.parametrize("what", ["unigram", "bigram"])
def test_a_question_without_some_ngrams(what: str, function: Callable[..., None]) -> None:
    made = sample(1)
    getattr(made.question, what)[...] = 0
    assert made.find(function, np.arange(made.token.size)) == made.expected().tolist()


def test_a_question_without_ngrams_scores_nothing(function: Callable[..., None]) -> None:
    made = sample(1)
    made.question.unigram[...], made.question.bigram[...] = 0, 0
    assert not any(made.find(function, np.arange(made.token.size)))


def test_the_largest_codes_and_weights_do_not_overflow() -> None:
    made = sample(1, rank=64, vocabulary=2)
    made.rows.queries[...], made.rows.keys[...] = 127, 127
    made.question.unigram[...], made.question.bigram[...] = LARGEST_WEIGHT, LARGEST_WEIGHT
    found = made.find(sparse_scores, np.arange(made.token.size))
    assert found == made.expected().tolist()
    assert max(found) > 2 * 64 * 127**2 * LARGEST_WEIGHT * STEP


PIECES = {"unknown": 60_000, "negative": -5}


@pytest.mark.parametrize("name", PIECES)
def test_damaged_word_pieces_match_nothing(name: str, function: Callable[..., None]) -> None:
    made = sample(2)
    made.question.unigram[...], made.question.bigram[...] = 1, 1
    made.rows = made.rows._replace(pieces=Places.of(np.full(made.pieces.size, PIECES[name], np.int32)))
    assert not any(made.find(function, np.arange(made.token.size)))
