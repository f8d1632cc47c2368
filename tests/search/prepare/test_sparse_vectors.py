"""Sparse scores against products of explicit vectors over the vocabulary."""

from __future__ import annotations

import numpy as np
import pytest

from densephrase.encoder.encoded import QuestionNgrams
from densephrase.search.prepare.sparse_vectors import END, START, StoredFactors, scores_of_factors
from tests.search.sparse_cases import VOCABULARY, Factors, explicit_scores, make_factors, make_ngrams

SCALE = np.array([0.01, 0.02, 0.003, 0.04], np.float32)
SIDES = pytest.mark.parametrize("side", [START, END], ids=["start", "end"])


@SIDES
@pytest.mark.parametrize(
    ("unigrams", "bigrams"), [(5, 20), (0, 20), (5, 0), (0, 0)], ids=["both", "bigrams", "unigrams", "none"]
)
@pytest.mark.parametrize("tokens", [1, 2, 40], ids="{} tokens".format)
def test_scores_are_products_over_the_vocabulary(tokens: int, unigrams: int, bigrams: int, side: int) -> None:
    random = np.random.default_rng(tokens + unigrams + bigrams)
    pieces = random.integers(0, VOCABULARY, tokens).astype(np.int32)
    kept = np.flatnonzero(random.random(tokens) < 0.7).astype(np.int32)
    factors, question = make_factors(random, tokens, kept, 3), make_ngrams(random, unigrams, bigrams)
    found = scores_of_factors(StoredFactors(*factors, pieces), SCALE, question, side)
    assert (found.shape, found.dtype) == (kept.shape, np.float32)
    np.testing.assert_allclose(found, explicit_scores(factors, pieces, SCALE, question, side), rtol=1e-5, atol=1e-3)


def factors(size: int, query: tuple[int, int], key: int) -> Factors:
    """Return factors of rank 1 of the paragraph's last token: all keys are equal."""
    keys = np.full((size, 4), key, np.int8)
    return Factors(np.array([query], np.int8), np.array([size - 1], np.int32), keys)


@SIDES
def test_equal_ngrams_of_a_row_add_up(side: int) -> None:
    pieces = np.array([3, 4, 3, 4, 9], np.int32)
    question = QuestionNgrams(
        np.array([3], np.int32),
        np.array([[2], [3]], np.float32),
        np.array([3 * 2**32 + 4]),
        np.array([[5], [7]], np.float32),
    )
    expected = 2 * 20 * SCALE[2 * side] * (2, 3)[side] + 2 * 30 * SCALE[2 * side + 1] * (5, 7)[side]
    found = scores_of_factors(StoredFactors(*factors(5, (2, 3), 10), pieces), SCALE, question, side)
    assert found == pytest.approx([expected])
    assert scores_of_factors(StoredFactors(*factors(5, (2, 3), -10), pieces), SCALE, question, side) == pytest.approx(
        [0]
    )


def test_large_word_pieces_are_told_apart() -> None:
    pieces = np.array([250_000, 1, 250_000, 2, 7], np.int32)
    question = QuestionNgrams(
        np.empty(0, np.int32),
        np.empty((2, 0), np.float32),
        np.array([250_000 * 2**32 + 2]),
        np.array([[1], [1]], np.float32),
    )
    [score] = scores_of_factors(StoredFactors(*factors(5, (1, 10), 10), pieces), SCALE, question, START)
    assert score == pytest.approx(100 * SCALE[1])
