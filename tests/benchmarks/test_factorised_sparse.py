"""The factorised form of sparse vectors: with all dimensions it is the model's own matrix, and its kernel a product."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.factorised_sparse import Clock, LowRankHeads, factorised, factorised_scores, hidden_states
from benchmarks.held_out_search import HeldOutSearch
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.sparc import SparcHeads
from densephrase.kernels.sparse import weigh_ngrams
from densephrase.search.sparse_question import fold_ngrams
from tests.conftest import make_encoder
from tests.training.facts import make_facts

QUESTIONS = make_facts()


def states(tokens: int, size: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(tokens, size)).astype(np.float32)) + 0.5


def test_heads_of_full_rank_are_the_heads_up_to_eight_bits() -> None:
    torch.manual_seed(0)
    heads, hidden = SparcHeads(24, 6), states(40, 24)
    mask = torch.ones(1, 40, dtype=torch.bool)
    expected, found = (item.text(hidden[None], mask) for item in (heads, LowRankHeads.of(heads, hidden, 6)))
    assert (found - expected).abs().max() < 0.03 * expected.max()
    assert torch.equal(
        heads.first_token(hidden[None], mask), LowRankHeads.of(heads, hidden, 1).first_token(hidden[None], mask)
    )


def test_more_dimensions_leave_less_error() -> None:
    torch.manual_seed(0)
    heads, hidden = SparcHeads(24, 6), states(40, 24)
    expected = heads.weights(hidden[None])
    found = [LowRankHeads.of(heads, hidden, rank).weights(hidden[None]) for rank in (1, 6)]
    errors = [(item - expected).norm().item() for item in found]
    assert errors[1] < 0.05 * errors[0]


def test_search_with_factors_of_full_rank_finds_what_unpruned_rows_find() -> None:
    encoder = make_encoder(sparc_size=8, sparc_entries=255)
    quantisers = encoder.start_quantiser, encoder.end_quantiser
    encoder = PhraseEncoder(encoder.model, encoder.tokeniser, *quantisers, encoder.sparse_scale)  # of usual precision
    form = HeldOutSearch(factorised(encoder, hidden_states(encoder, QUESTIONS), 8), QUESTIONS)  # type: ignore[arg-type]
    np.testing.assert_allclose(form.full[0], HeldOutSearch(encoder, QUESTIONS).full[0], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("rank", [1, 5], ids="rank {}".format)
def test_the_kernel_adds_up_products_of_matching_ngrams(rank: int) -> None:
    rng = np.random.default_rng(rank)
    encoder = make_encoder(sparc_size=8, sparc_entries=255)
    ngrams = encoder.encode_questions(["when was the king of paris born"]).sparse
    assert ngrams is not None
    question = fold_ngrams(ngrams[0], np.ones(4, np.float32))[0]
    pieces = rng.choice(np.append(ngrams[0].unigrams, 5), 30).astype(np.int32)
    piece_ptr, row_ptr = np.array([0, 12, 30]), np.array([0, 2, 5])
    token = np.array([0, 11, 3, 4, 17], np.int32)
    query = rng.integers(-127, 128, (5, 2, rank), np.int8)
    key = rng.integers(-127, 128, (30, 2, rank), np.int8)
    scores = np.empty(5)
    factorised_scores(token, row_ptr, query, key, pieces, piece_ptr, question, scores)
    for row, paragraph in enumerate([0, 0, 1, 1, 1]):
        first, stop = piece_ptr[paragraph : paragraph + 2]
        weights = weigh_ngrams(pieces, first, stop, question, np.empty(0))[: 2 * (stop - first)].reshape(-1, 2)
        expected = sum(
            weights[place, order] * max(0, int(query[row, order].astype(int) @ key[first + place, order].astype(int)))
            for place in range(stop - first)
            for order in (0, 1)
            if token[row] not in (place, place + order)
        )
        assert scores[row] == pytest.approx(expected)
    assert np.any(scores > 0)


def test_the_clock_runs() -> None:
    clock = Clock(make_encoder(sparc_size=8), QUESTIONS)
    assert clock.stored() > 0
    assert clock.factorised(4) > 0
