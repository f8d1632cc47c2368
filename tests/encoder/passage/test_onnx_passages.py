"""Passage encoders in onnxruntime: torch is the truth."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage import onnx_passage_encoder
from densephrase.encoder.passage.onnx_passage_encoder import OnnxPassageEncoder
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.encoder.passage.passage_question_encoder import load_passage_question_encoder
from densephrase.errors import EncoderError
from tests.conftest import make_architecture, make_passage_encoder, make_tokenizer
from tests.encoder.edited_weights import cut, edit_weights
from tests.encoder.published.published_folders import write_dpr_pair, write_sentence_folder

QUESTIONS = [
    "who was king",
    "",
    "when was the queen born in london? " * 9,  # longer than any limit
    "Où est né l'empereur 秦始皇 🙂 \u0000 \u200b ﷽",
    *("what year, by the river?", "in 1066 and 1789", "king", "which river of the city", "?", "the war"),
]
PASSAGES = [
    ParagraphInput(text, title) for text, title in zip(QUESTIONS, ["", "Paris", "London war"] * 4, strict=False)
]
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
COMMON = {**SIZES, "max_position_embeddings": 52}
BACKBONES: dict[str, dict[str, Any]] = {
    "bert": {"model_type": "bert", **COMMON},
    "tanh": {"model_type": "bert", **COMMON, "hidden_act": "gelu_new", "num_hidden_layers": 1},
    "roberta": {"model_type": "roberta", **COMMON, "type_vocab_size": 1, "pad_token_id": 1},
    "electra": {"model_type": "electra", **COMMON, "embedding_size": 20},
}
MODES = [{}, {"pooling": "mean"}, {"pooling": "mean", "normalise": True, "is_shared": True}, {"normalise": True}]


def saved(folder: Path, name: str = "bert", precision: Any = "float32", **changes: Any) -> Path:
    backbone = {"vocab_size": make_tokenizer().get_vocab_size(), **BACKBONES[name]}
    make_passage_encoder(backbone=backbone, **changes).save_pretrained(folder, precision)
    return folder


def assert_near(found: Any, expected: Any, tolerance: float = 1e-5) -> None:
    """Compare the vectors of two encoders, relative to the largest number."""
    for one, other in (
        (found.encode_questions(QUESTIONS), expected.encode_questions(QUESTIONS)),
        (found.encode_passages(PASSAGES), expected.encode_passages(PASSAGES)),
    ):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * max(1, np.abs(other).max()))


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_float32_vectors_are_those_of_torch(tmp_path: Path, backbone: str, mode: dict[str, Any]) -> None:
    saved(tmp_path, backbone, **mode)
    expected, found = PassageEncoder.from_pretrained(tmp_path, bf16=False), OnnxPassageEncoder.from_pretrained(tmp_path)
    assert_near(found, expected)
    assert (found.config, found.fingerprint) == (expected.config, expected.fingerprint)
    assert (found.runtime, found.device) == ("onnx float32", "cpu")


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_stored_8_bit_weights_are_taken_as_they_are(tmp_path: Path, mode: dict[str, Any]) -> None:
    saved(tmp_path, "bert", "int8", **mode)
    expected = PassageEncoder.from_pretrained(tmp_path, bf16=False)
    assert_near(OnnxPassageEncoder.from_pretrained(tmp_path, "float32"), expected)
    assert_near(OnnxPassageEncoder.from_pretrained(tmp_path, "int8"), expected, 0.15)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("int8", 0.02)])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_company_of_other_texts_hardly_matters(
    tmp_path: Path, precision: Any, tolerance: float, threads: int
) -> None:
    saved(tmp_path, "bert", "int8")
    encoder = OnnxPassageEncoder.from_pretrained(tmp_path, precision, threads)
    alone = np.concatenate([encoder.encode_questions([question]) for question in QUESTIONS])
    together = encoder.encode_questions(QUESTIONS * 3)
    np.testing.assert_allclose(together, np.tile(alone, (3, 1)), rtol=0, atol=tolerance * np.abs(alone).max())


def test_nothing_has_no_vectors(tiny_passage_encoder_path: Path) -> None:
    encoder = OnnxPassageEncoder.from_pretrained(tiny_passage_encoder_path)
    assert encoder.encode_questions([]).shape == encoder.encode_passages([]).shape == (0, 32)


def test_precision_follows_the_weights_and_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, rounded = saved(tmp_path / "float32"), saved(tmp_path / "int8", precision="int8")
    for exact, expected in ((True, "onnx int8"), (False, "onnx float32")):
        monkeypatch.setattr(onnx_passage_encoder, "integers_are_exact", lambda exact=exact: exact)
        assert OnnxPassageEncoder.from_pretrained(rounded).runtime == expected
        assert OnnxPassageEncoder.from_pretrained(whole).runtime == "onnx float32"
    with pytest.raises(EncoderError, match="stored in float32; int8 takes 8-bit ones"):
        OnnxPassageEncoder.from_pretrained(whole, "int8")


def test_runtimes(tiny_passage_encoder_path: Path) -> None:
    path = tiny_passage_encoder_path
    assert load_passage_question_encoder(path).runtime == "onnx float32"
    assert load_passage_question_encoder(str(path), runtime="onnx").runtime == "onnx float32"
    assert load_passage_question_encoder(path, runtime="torch").runtime == "torch"
    with pytest.raises(EncoderError, match="runs on 'cpu', not on 'cuda'"):
        load_passage_question_encoder(path, "cuda", "onnx")
    with pytest.raises(EncoderError, match="no runtime 'jax'; expected one of auto, onnx, torch"):
        load_passage_question_encoder(path, runtime="jax")  # type: ignore[arg-type]


def test_other_architectures_fall_back_to_torch(tmp_path: Path) -> None:
    sizes = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 52}
    backbone = {"model_type": "distilbert", "vocab_size": make_tokenizer().get_vocab_size(), **sizes}
    make_passage_encoder(backbone=backbone).save_pretrained(tmp_path)
    encoder = load_passage_question_encoder(tmp_path)
    assert encoder.runtime == "torch"
    with pytest.raises(EncoderError, match=r"cannot run on onnxruntime \(model_type 'distilbert'\); use the runtime"):
        load_passage_question_encoder(tmp_path, runtime="onnx")


@pytest.mark.parametrize("write", [write_sentence_folder, write_dpr_pair])
def test_published_encoders_run_in_onnxruntime_too(tmp_path: Path, write: Any) -> None:
    write(tmp_path)
    expected = load_passage_question_encoder(tmp_path, runtime="torch")
    found = load_passage_question_encoder(tmp_path, runtime="onnx")
    assert (expected.runtime, found.runtime) == ("torch", "onnx float32")
    assert found.fingerprint == expected.fingerprint
    assert_near(found, expected)


def test_questions_are_encoded_without_torch(tiny_passage_encoder_path: Path) -> None:
    code = (
        "import sys\n"
        "from densephrase.encoder.encoded import ParagraphInput\n"
        "from densephrase.encoder.passage.passage_question_encoder import load_passage_question_encoder\n"
        f"encoder = load_passage_question_encoder({str(tiny_passage_encoder_path)!r})\n"
        "encoder.encode_questions(['who was king']), encoder.encode_passages([ParagraphInput('the war')])\n"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'loaded'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("question.encoder.layer.1.output.dense.weight", "output.dense.weight is float32"),
        ("question.embeddings.word_embeddings.weight", "word_embeddings.weight is float32"),
        ("question.encoder.layer.0.attention.self.query.bias", "query.bias is float32"),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path: Path, name: str, message: str) -> None:
    edit_weights(saved(tmp_path), cut(name))
    with pytest.raises(EncoderError, match=message):
        OnnxPassageEncoder.from_pretrained(tmp_path)


def test_limits_beyond_the_positions_are_refused(tmp_path: Path) -> None:
    backbone = make_architecture(make_tokenizer())
    folder = saved(tmp_path / "saved")
    with pytest.raises(EncoderError, match="max_passage_tokens=65 is more than the 64 positions"):
        make_passage_encoder(backbone=backbone, max_passage_tokens=65)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"max_passage_tokens": 48', '"max_passage_tokens": 53'))
    with pytest.raises(EncoderError, match="max_passage_tokens=53 is more than the 52 positions"):
        OnnxPassageEncoder.from_pretrained(folder)
