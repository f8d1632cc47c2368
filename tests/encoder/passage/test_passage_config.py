"""Settings of passage encoders: what is refused, and files that somebody else made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from densephrase.encoder.passage.config import PassageEncoderConfig, is_passage_encoder
from densephrase.encoder.passage.onnx_passage_encoder import OnnxPassageEncoder
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.errors import EncoderError
from tests.conftest import make_architecture, make_encoder, make_passage_encoder, make_tokenizer
from tests.encoder.edited_weights import Tensors, edit_weights

CONFIG = PassageEncoderConfig(make_architecture(make_tokenizer()))
LOADS = pytest.mark.parametrize(
    "load",
    [lambda path: PassageEncoder.from_pretrained(path, bf16=False), OnnxPassageEncoder.from_pretrained],
    ids=["torch", "onnx"],
)
Load = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An encoder that a test may spoil."""
    make_passage_encoder().save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pooling": "mean", "normalise": True, "is_shared": True, "title": "none"},
        {
            "question_prefix": "query: ",
            "passage_prefix": "Ü\n",
            "max_passage_tokens": 3,
            "max_question_tokens": 1 << 20,
        },
        {"term_weight": 0.25},
        {"training": {"steps": 3, "losses": [1.5, None]}, "cls_token_id": 2**31 - 1},
    ],
    ids=str,
)
def test_settings_are_read_as_they_were_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = replace(CONFIG, **changes)
    config.save(tmp_path)
    assert PassageEncoderConfig.load(tmp_path) == config
    assert PassageEncoderConfig.load(tmp_path).to_json() == (tmp_path / "config.json").read_text(encoding="utf-8")
    assert is_passage_encoder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pooling": "max"}, "pooling='max'"),
        ({"pooling": ["cls"]}, r"pooling=\['cls'\]"),
        ({"title": "first"}, "title='first'"),
        ({"is_shared": 1}, "is_shared=1; expected true or false"),
        ({"normalise": "yes"}, "normalise='yes'; expected true or false"),
        ({"max_passage_tokens": 2}, "max_passage_tokens=2; expected a whole number from 3"),
        ({"max_question_tokens": True}, "max_question_tokens=True; expected a whole number"),
        ({"max_question_tokens": 1.5}, "max_question_tokens=1.5"),
        ({"max_passage_tokens": 10**400}, "max_passage_tokens=1000"),
        ({"cls_token_id": -1}, "cls_token_id=-1; expected a whole number from 0"),
        ({"pad_token_id": 2**31}, "pad_token_id=2147483648"),
        ({"question_prefix": None}, "question_prefix=None; expected a text"),
        ({"passage_prefix": "x" * 5_000}, "passage_prefix='xxx.*at most 4096 characters"),
        ({"term_weight": -1}, "term_weight=-1; expected none, or a number from 0"),
        ({"term_weight": float("nan")}, "term_weight=nan"),
        ({"term_weight": True}, "term_weight=True"),
        ({"training": []}, r"training=\[\]; expected an object"),
        ({"backbone": []}, r"backbone=\[\]; expected an object"),
        ({"backbone": {}}, "lacks backbone.model_type"),
        ({"backbone": {"model_type": "bert"}}, "a backbone without a hidden_size"),
        ({"backbone": {"model_type": "bert", "hidden_size": 0}}, "hidden_size=0; a whole number of at least 1"),
        ({"kind": "phrase"}, "of kind 'phrase' and format version 1, expected 'passage' and 1"),
        ({"format_version": 2}, "of kind 'passage' and format version 2"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        replace(CONFIG, **changes)


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    change(content)
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")


def settings(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content.update(changes)


def backbone(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["backbone"].update(changes)


def nested(depth: int) -> Any:
    inner: Any = 1
    for _ in range(depth):
        inner = [inner]
    return inner


@LOADS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (backbone(num_hidden_layers=900), "more layers than there are weights|is missing"),
        (backbone(num_hidden_layers=1), "more layers than num_hidden_layers=1|unexpected"),
        (backbone(vocab_size=10**9), "do not fit its configuration|its weights are"),
        (backbone(vocab_size=20), "they do not belong together|do not fit"),
        (backbone(model_type="timm_wrapper"), "cannot be built|cannot run on onnxruntime"),
        (backbone(num_attention_heads=3), "cannot be built|are no multiple of 3"),
        (backbone(auto_map={"AutoModel": "code.Model"}), "built from its own configuration alone"),
        (backbone(text_config=nested(20)), "deep"),
        (settings(training=nested(40)), "more than 32 deep in each other"),
        (settings(pooling="max"), "config.json: .*pooling='max'"),
        (settings(max_passage_tokens=65), "max_passage_tokens=65 is more than the 64 positions"),
        (settings(max_question_tokens=65), "max_question_tokens=65 is more than the 64 positions"),
        (settings(sep_token_id=10**6), "they do not belong together"),
        (settings(is_shared=True), r"unexpected \['question.embed|more weights|do not fit"),
        (settings(surprise=1), r"unknown keys: \['surprise'\]"),
        (lambda content: content.pop("backbone"), "'backbone' is required"),
    ],
)
def test_configurations_of_others(
    folder: Path, load: Load, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit(folder, change)
    with pytest.raises(EncoderError, match=message):
        load(folder)


@LOADS
@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "huge", "text"])
def test_files_that_are_none(folder: Path, load: Load, name: str, kind: str) -> None:
    path = folder / name
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        path.touch()
        os.truncate(path, 1 << 42)
    elif kind == "text":
        path.write_text("no encoder")
    with pytest.raises(EncoderError, match=name):
        load(folder)


def fill(value: float) -> Callable[[Tensors], object]:
    return lambda tensors: tensors["question.embeddings.LayerNorm.weight"].fill_(value)


@LOADS
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (fill(float("nan")), "holds what is no number"),
        (fill(3e38), "gives what is no number"),
        (lambda tensors: tensors.pop("question.embeddings.LayerNorm.weight"), "LayerNorm.weight"),
    ],
)
def test_weights_of_others(folder: Path, load: Load, change: Callable[[Tensors], object], message: str) -> None:
    edit_weights(folder, change)
    with pytest.raises(EncoderError, match=message):
        load(folder)


def test_weights_of_no_use_are_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors.update({"other.weight": torch.ones(2)}))
    with pytest.raises(EncoderError, match=r"unexpected \['other.weight'\]"):
        PassageEncoder.from_pretrained(folder)


def test_a_phrase_encoder_is_no_passage_encoder(tmp_path: Path) -> None:
    make_encoder().save_pretrained(tmp_path)
    assert not is_passage_encoder(tmp_path)
    with pytest.raises(EncoderError, match="is no passage encoder; it holds config.json, model.safetensors"):
        PassageEncoder.from_pretrained(tmp_path)
    with pytest.raises(EncoderError, match="is no passage encoder configuration"):
        OnnxPassageEncoder.from_pretrained(tmp_path)
