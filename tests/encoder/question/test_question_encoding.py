"""Questions: shapes, limits, padding, and the pooling by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase import phrase_encoder
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
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


def test_a_long_question_keeps_its_end_and_is_warned_of(
    encoder: PhraseEncoder, caplog: pytest.LogCaptureFixture
) -> None:
    room = encoder.config.max_question_tokens - 2
    words = ["king", "queen", "war", *["river"] * (room - 1), "x"]
    cut, short = encoder.encode_questions([" ".join(words[-room:]), "x"]).start
    assert not caplog.messages
    whole, other = encoder.encode_questions([" ".join(words), "x"]).start
    np.testing.assert_allclose(whole, cut, atol=1e-6)
    np.testing.assert_allclose(other, short, atol=1e-6)
    [message] = caplog.messages
    assert message.startswith(f"1 of 2 questions have more word pieces than the {room} that the encoder reads")
    assert "'king queen war river" in message and f"has {room + 3}." in message


@pytest.mark.parametrize("name", ["[SEP]", "[CLS]", "[PAD]", "[UNK]"])
def test_names_of_special_tokens_are_text(name: str, encoder: PhraseEncoder) -> None:
    special = encoder.tokeniser.tokenizer.token_to_id(name)
    assert special is not None
    [ids] = encoder.tokeniser.questions([f"king{name} queen"])
    assert special not in ids[1:-1] or name == "[UNK]"
    [places] = encoder.tokeniser.paragraphs([ParagraphInput(f"king{name} queen")]).offsets
    assert places[:2].tolist() == [[0, 4], [4, 5]]


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
