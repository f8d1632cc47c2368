"""The reader in use: logits of pairs in any company, a folder and back, and folders that hold none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import EncoderError
from densephrase.reader import extractive_reader
from densephrase.reader.extractive_reader import READER_FILE, ExtractiveReader
from densephrase.reader.inputs import ReaderInput, pad_reader_inputs
from tests.conftest import make_encoder
from tests.reader.small_reader import make_reader

SUMMARY: dict[str, object] = {"steps": 3, "settings": {"max_tokens": 40}}


def make_inputs() -> list[ReaderInput]:
    random = np.random.default_rng(2)
    inputs = []
    for _ in range(9):
        question, paragraph = (random.integers(4, 60, int(random.integers(1, 20))).tolist() for _ in range(2))
        inputs.append(ReaderInput([2, *question, 3, *paragraph, 3], len(question) + 2))
    return inputs


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let readers compute in float32 wherever they run."""
    monkeypatch.setattr(extractive_reader, "prefers_bf16", lambda device: False)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("batch_tokens", [1, 70, 8192], ids="{} tokens a batch".format)
def test_logits_are_those_of_each_pair_alone(batch_tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, examples = make_reader(), make_inputs()
    monkeypatch.setattr(extractive_reader, "_BATCH_TOKENS", batch_tokens)
    found = dict(reader.logits(examples))
    assert sorted(found) == list(range(9))
    for number, example in enumerate(examples):
        batch = pad_reader_inputs([example], 0)
        with torch.inference_mode():
            expected = torch.cat(reader.model(batch.input_ids, batch.mask, batch.token_mask))
        assert found[number].dtype == np.float32
        assert found[number].shape == (2, len(example.input_ids) - 1 - example.first)
        np.testing.assert_allclose(found[number], expected[:, example.first : -1], rtol=1e-4, atol=1e-4)


def test_no_pairs_have_no_logits() -> None:
    assert list(make_reader().logits([])) == []


@pytest.mark.parametrize("exactly", [True, False], ids=["float32", "as the processor prefers"])
def test_a_reader_comes_back_from_disk(exactly: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if exactly:
        monkeypatch.setattr(extractive_reader, "prefers_bf16", lambda device: False)
    reader, examples = make_reader(), make_inputs()
    reader.save_pretrained(tmp_path / "a" / "reader", SUMMARY)
    loaded = ExtractiveReader.from_pretrained(tmp_path / "a" / "reader")
    assert loaded.config == reader.config
    assert json.loads((tmp_path / "a" / "reader" / READER_FILE).read_text()) == SUMMARY
    for (number, logits), (again, found) in zip(reader.logits(examples), loaded.logits(examples), strict=True):
        assert number == again
        np.testing.assert_array_equal(found, logits)
    assert loaded.tokeniser.questions(["who was king"]) == reader.tokeniser.questions(["who was king"])


def test_dropout_is_off() -> None:
    reader = make_reader()
    assert not reader.model.training
    first, again = (dict(reader.logits(make_inputs())) for _ in range(2))
    assert all((first[number] == again[number]).all() for number in first)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_reader().save_pretrained(tmp_path / "reader", SUMMARY)
    return tmp_path / "reader"


def test_an_encoder_is_no_reader(tmp_path: Path) -> None:
    make_encoder().save_pretrained(tmp_path)
    with pytest.raises(EncoderError, match=r"holds no reader\.json; give a folder that `densephrase train-reader`"):
        ExtractiveReader.from_pretrained(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"none holds no reader\.json"):
        ExtractiveReader.from_pretrained(tmp_path / "none")


def test_a_reader_is_no_encoder(folder: Path) -> None:
    with pytest.raises(EncoderError, match=r"lack \['quantiser"):
        PhraseEncoder.from_pretrained(folder)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"holds no config\.json"),
        (lambda folder: (folder / "tokenizer.json").unlink(), r"holds no tokenizer\.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"holds no model\.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "not a readable safetensors file"),
        (lambda folder: make_encoder().save_pretrained(folder), r"missing \['span_head"),
    ],
    ids=["no configuration", "no tokenizer", "no weights", "damaged weights", "another model's weights"],
)
def test_a_folder_that_is_not_whole_is_named(damage: Callable[[Path], None], message: str, folder: Path) -> None:
    damage(folder)
    with pytest.raises(EncoderError, match=message):
        ExtractiveReader.from_pretrained(folder)


def test_a_folder_may_be_moved(folder: Path, tmp_path: Path) -> None:
    expected = dict(ExtractiveReader.from_pretrained(folder).logits(make_inputs()))
    shutil.move(folder, tmp_path / "elsewhere")
    found = dict(ExtractiveReader.from_pretrained(tmp_path / "elsewhere").logits(make_inputs()))
    assert all((found[number] == expected[number]).all() for number in expected)
