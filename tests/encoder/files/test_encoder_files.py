"""An encoder on disk: round trips, identity, and damage that is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors import safe_open

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.files.location import ENCODER_FILES
from densephrase.encoder.files.weights import serialise_weights
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import DeviceError, EncoderError
from tests.conftest import make_encoder
from tests.encoder.edited_weights import Tensors, cut, edit_weights

PARAGRAPH = ParagraphInput("The king of the city was born in 1789 by the river.", "Paris")


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path, tiny_encoder_path: Path) -> Path:
    """A copy of the tiny encoder that a test may damage."""
    return Path(shutil.copytree(tiny_encoder_path, tmp_path / "encoder"))


def test_float32_weights_come_back_exactly(tmp_path: Path) -> None:
    encoder = make_encoder(start_threshold=-0.5)
    encoder.save_pretrained(tmp_path, precision="float32")
    loaded = PhraseEncoder.from_pretrained(tmp_path, bf16=False)
    assert loaded.config == encoder.config
    [expected], [found] = encoder.encode_paragraphs([PARAGRAPH]), loaded.encode_paragraphs([PARAGRAPH])
    for name in ("start_token", "start_char", "start_codes", "end_token", "end_char", "end_codes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_loaded_encoder_is_saved_byte_for_byte(tmp_path: Path, tiny_encoder_path: Path) -> None:
    loaded = PhraseEncoder.from_pretrained(tiny_encoder_path)
    loaded.save_pretrained(tmp_path / "copy")
    assert files_of(tmp_path / "copy") == files_of(tiny_encoder_path)
    assert PhraseEncoder.from_pretrained(tmp_path / "copy").fingerprint == loaded.fingerprint


def test_an_encoder_may_be_saved_where_it_came_from(folder: Path) -> None:
    before = files_of(folder)
    PhraseEncoder.from_pretrained(folder).save_pretrained(folder)
    assert files_of(folder) == before


def test_rounded_weights_stay_as_they_are_when_saved_again(tmp_path: Path, tiny_encoder_path: Path) -> None:
    loaded = PhraseEncoder.from_pretrained(tiny_encoder_path, bf16=False)
    loaded._folder = None  # as if made in memory
    loaded.save_pretrained(tmp_path / "again")
    again = PhraseEncoder.from_pretrained(tmp_path / "again", bf16=False)
    for name, value in loaded._model.state_dict().items():
        torch.testing.assert_close(again._model.state_dict()[name], value, rtol=1e-6, atol=0)
    codes = [safe_open(str(path / "model.safetensors"), "pt") for path in (tiny_encoder_path, tmp_path / "again")]
    for name in codes[0].keys():  # noqa: SIM118
        first, second = (file.get_tensor(name) for file in codes)
        assert first.dtype != torch.int8 or torch.equal(first, second)


def test_matrices_are_stored_in_8_bits(tiny_encoder_path: Path) -> None:
    original = make_encoder()._model.state_dict()
    with safe_open(str(tiny_encoder_path / "model.safetensors"), "pt") as file:
        for name, value in original.items():
            stored = file.get_tensor(name)
            assert stored.dtype == (torch.int8 if value.ndim == 2 else torch.float32)
            if value.ndim == 2:
                step = value.abs().amax(1, keepdim=True) / 127
                error = (stored.float() * file.get_tensor(f"{name}.row_scale")[:, None] - value).abs()
                assert (error <= step * 0.501).all()


@pytest.mark.parametrize("name", ENCODER_FILES)
def test_the_fingerprint_speaks_for_every_file(folder: Path, name: str) -> None:
    before = PhraseEncoder.from_pretrained(folder).fingerprint
    assert len(before) == 64
    if name == "model.safetensors":
        edit_weights(folder, lambda tensors: tensors["start_head.projection.bias"].add_(1))
    else:
        (folder / name).write_text((folder / name).read_text() + "\n")
    assert PhraseEncoder.from_pretrained(folder).fingerprint != before


def test_an_encoder_in_memory_has_no_fingerprint() -> None:
    with pytest.raises(EncoderError, match="once it is saved"):
        _ = make_encoder().fingerprint


def rename(old: str, new: str) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[new] = tensors.pop(old)

    return change


BIAS = "start_head.projection.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors: tensors.pop(BIAS), rf"missing \['{BIAS}'\] \(1\)"),
        (rename(BIAS, "third_head.bias"), r"unexpected \['third_head.bias'\] \(1\)"),
        (cut(BIAS), rf"{BIAS} \(31,\) instead of \(32,\)"),
        (lambda tensors: tensors.pop("start_coherency.weight.row_scale"), "'start_coherency.weight' has no row scales"),
        (cut("start_coherency.weight.row_scale"), "'start_coherency.weight' has no row scales that fit"),
        (lambda tensors: tensors.pop("quantiser.end.scale"), r"lack \['quantiser.end.scale'\]"),
        (cut("quantiser.start.offset"), r"start quantiser .* offset \(35,\) and scale \(36,\)"),
        (lambda tensors: tensors["quantiser.start.scale"].zero_(), "finite and positive"),
    ],
    ids=[
        "missing",
        "unexpected",
        "misshapen",
        "no scales",
        "cut scales",
        "no quantiser",
        "cut quantiser",
        "zero scale",
    ],
)
def test_weights_that_do_not_fit_are_named(folder: Path, change: Callable[[Tensors], None], message: str) -> None:
    edit_weights(folder, change)
    with pytest.raises(EncoderError, match=message):
        PhraseEncoder.from_pretrained(folder)


def test_a_damaged_tokenizer_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(EncoderError, match=r"tokenizer\.json cannot be read"):
        PhraseEncoder.from_pretrained(folder)


def test_a_tokenizer_of_another_encoder_is_refused(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"]["extra"] = len(content["model"]["vocab"])
    path.write_text(json.dumps(content))
    with pytest.raises(EncoderError, match="do not belong together"):
        PhraseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ({"model_type": "no-such-model"}, "'no-such-model' cannot be built"),
        ({"num_attention_heads": 5}, "'bert' cannot be built"),
        ({"max_position_embeddings": 31}, "max_tokens=32 is more than the 31 positions"),
    ],
    ids=["unknown", "heads", "positions"],
)
def test_a_backbone_that_makes_no_sense_is_named(folder: Path, backbone: dict[str, object], message: str) -> None:
    path = folder / "config.json"
    content = json.loads(path.read_text())
    content["backbone"].update(backbone)
    path.write_text(json.dumps(content))
    with pytest.raises(EncoderError, match=message):
        PhraseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    "name", ["nobody-at-all/no-such-encoder", "no/such/folder", "\u00bf?"], ids=["id", "path", "odd"]
)
def test_what_is_neither_folder_nor_on_the_hub_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match="There is no encoder folder"):
        PhraseEncoder.from_pretrained(name)


@pytest.mark.parametrize("device", ["gpu9", "cuda:99"], ids=["unknown", "not there"])
def test_a_device_that_is_not_there_is_named(tiny_encoder_path: Path, device: str) -> None:
    with pytest.raises(DeviceError, match=device):
        PhraseEncoder.from_pretrained(tiny_encoder_path, device=device)


def test_equal_weights_give_equal_bytes() -> None:
    state = make_encoder()._state()
    assert len({serialise_weights(state, "int8") for _ in range(20)}) == 1


def test_an_encoder_names_its_device(tiny_encoder: PhraseEncoder) -> None:
    assert tiny_encoder.device == "cpu"
