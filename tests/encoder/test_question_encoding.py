"""Questions: shapes, limits, padding, and the pooling by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.encoder import phrase_encoder
from densephrase.encoder.phrase_encoder import PhraseEncoder
from tests.conftest import make_encoder
from tests.encoder.direct import own_ids

QUESTIONS = ["who was king", "", "when was the queen born in london?", "x"]


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    return make_encoder()


def test_vectors_are_float32_rows(encoder: PhraseEncoder) -> None:
    vectors = encoder.encode_questions(QUESTIONS)
    for side in (vectors.start, vectors.end):
        assert (side.shape, side.dtype) == ((4, 32), np.float32)
        assert np.isfinite(side).all()


def test_no_questions(encoder: PhraseEncoder) -> None:
    vectors = encoder.encode_questions([])
    assert vectors.start.shape == vectors.end.shape == (0, 32)


def test_padding_and_batches_change_nothing(encoder: PhraseEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    together = encoder.encode_questions(QUESTIONS)
    monkeypatch.setattr(phrase_encoder, "_BATCH_QUESTIONS", 3)
    in_pieces = encoder.encode_questions(QUESTIONS)
    for number, question in enumerate(QUESTIONS):
        alone = encoder.encode_questions([question])
        for vectors in (together, in_pieces):
            np.testing.assert_allclose(vectors.start[number], alone.start[0], atol=1e-5)
            np.testing.assert_allclose(vectors.end[number], alone.end[0], atol=1e-5)


def test_a_long_question_loses_its_last_tokens(encoder: PhraseEncoder) -> None:
    room = encoder.config.max_question_tokens - 2
    words = ["river"] * (room - 1) + ["king", "queen", "war"]
    cut, whole = encoder.encode_questions([" ".join(words[:room]), " ".join(words)]).start
    np.testing.assert_allclose(whole, cut, atol=1e-6)


def test_vectors_follow_the_formula(encoder: PhraseEncoder) -> None:
    config, model = encoder.config, encoder._model
    ids = torch.tensor([[config.cls_token_id, *own_ids(encoder, QUESTIONS[0]), config.sep_token_id]])
    with torch.inference_mode():
        hidden = model.hidden(ids, torch.ones_like(ids, dtype=torch.bool))[0].double().numpy()
    weights = {name: value.double().numpy() for name, value in model.question_end.state_dict().items()}
    attention = np.exp(hidden @ weights["attention.weight"][0])
    pooled = hidden[0] + attention @ hidden / attention.sum()
    inner = torch.nn.functional.gelu(
        torch.from_numpy(weights["head.inner.weight"] @ pooled + weights["head.inner.bias"])
    ).numpy()
    vector = weights["head.projection.weight"] @ pooled + weights["head.projection.bias"]
    vector += weights["head.outer.weight"] @ inner
    found = encoder.encode_questions([QUESTIONS[0]]).end[0]
    np.testing.assert_allclose(found, vector / np.sqrt(config.vector_size), rtol=1e-3, atol=1e-4)
