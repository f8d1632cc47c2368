"""The forms of sparse vectors that the benchmark compares."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sparse_forms import Clock, row_scores
from benchmarks.storage_curve import hidden_states, refitted
from densephrase.kernels.mapped import Places
from densephrase.kernels.sparse import SparseQuestion
from tests.conftest import make_encoder
from tests.training.facts import make_facts

QUESTIONS = make_facts()


def test_factors_of_another_rank_keep_the_rest() -> None:
    encoder = make_encoder(sparc_size=8, sparc_rank=8)
    other = refitted(encoder, hidden_states(encoder, QUESTIONS), 2)
    assert (other.config.sparse_rank, encoder.config.sparse_rank) == (2, 8)
    one, two = (made.encode_questions(["who was the king?"]) for made in (encoder, other))
    np.testing.assert_array_equal(one.start, two.start)


@pytest.mark.parametrize("form", ["factors", "rows"])
def test_the_clock_runs(form: str) -> None:
    clock = Clock(make_encoder(sparc_size=8), QUESTIONS)
    assert (clock.factors() if form == "factors" else clock.rows(5)) > 0


def test_rows_add_up_what_the_question_holds() -> None:
    question = SparseQuestion(
        np.array([-1, 0, 1], np.int16), np.array([2, 0]), np.array([0, 1, 1]), np.array([2]), np.array([3]), 1.0
    )  # piece 1 weighs 2, the bigram of pieces 1 and 2 weighs 3
    pieces = np.array([1, 2, 1, 1], np.int32)  # two paragraphs of two tokens
    entries = np.array([0, 1, 2, 0, 2], np.int16)  # 1, (1 2), 2; 1; 1
    codes = np.array([10, 20, 40, 50, 60], np.uint8)
    scores = np.empty(3)
    places = np.array([0, 2, 3]), Places.of(pieces), np.array([0, 2, 4])
    row_scores(np.array([0, 3, 3, 5]), entries, codes, *places, question, scores)
    assert scores.tolist() == [10 * 2 + 20 * 3, 0, 50 * 2 + 60 * 2]
