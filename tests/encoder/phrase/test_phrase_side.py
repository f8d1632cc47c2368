"""Which encoders may search which indexes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE
from densephrase.encoder.files.weights import read_weights, replace_weights, serialise_weights
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.phrase.phrase_side import check_same_phrase_side, describe_phrase_side
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.errors import EncoderError, SearchError
from tests.conftest import make_encoder

Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with everything that an encoder can have."""
    folder = tmp_path_factory.mktemp("original")
    make_encoder(sparc_size=6, sparc_rank=6).save_pretrained(folder)
    return folder


@pytest.fixture
def other(original: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(original, tmp_path / "other"))


def tensor(name: str) -> Change:
    def change(folder: Path) -> None:
        value = read_weights(folder)[0][name]
        (folder / WEIGHTS_FILE).write_bytes(replace_weights(folder, {name: value * 2 + 0.25}))

    return change


def setting(**settings: Any) -> Change:
    return lambda folder: replace(EncoderConfig.load(folder), **settings).save(folder)


def tokenizer(folder: Path) -> None:
    with (folder / TOKENIZER_FILE).open("a") as file:
        file.write("\n")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (tensor("backbone.encoder.layer.1.output.dense.weight"), "weights of backbone"),
        (tensor("start_head.projection.bias"), "weights of start_head"),
        (tensor("end_head.outer.weight"), "weights of end_head"),
        (tensor("end_coherency.weight"), "weights of end_coherency"),
        (tensor("phrase_filter.2.bias"), "weights of phrase_filter"),
        (tensor("sparc.query.weight"), "weights of sparc"),
        (tensor("quantiser.start.offset"), "weights of quantiser"),
        (tensor("sparse_factors.scale"), "weights of sparse_factors"),
        (setting(start_threshold=0.5), "start_threshold"),
        (setting(sparc_rank=9), "sparc_rank"),
        (setting(window_stride=11), "window_stride"),
        (tokenizer, "tokenizer.json"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_rows_depend_on_must_be_equal(change: Change, named: str, original: Path, other: Path) -> None:
    change(other)
    with pytest.raises(SearchError, match=f"different: {named}\\. "):
        check_same_phrase_side(Path("my-index"), original, other)


@pytest.mark.parametrize(
    "change",
    [
        tensor("question_start.head.projection.weight"),
        tensor("question_end.attention.weight"),
        setting(paragraph_weight=3.0, document_weight=0.5, max_answer_tokens=4),
        setting(max_question_tokens=9, training={"note": "tuned"}),
    ],
    ids=["start head", "attention", "search", "questions"],
)
def test_the_question_side_may_be_another(change: Change, original: Path, other: Path) -> None:
    change(other)
    check_same_phrase_side(Path("my-index"), original, other)
    before, after = (PhraseEncoder.from_pretrained(folder) for folder in (original, other))
    assert before.fingerprint != after.fingerprint


def test_all_that_differs_is_named(original: Path, tmp_path: Path) -> None:
    make_encoder(vector_size=16, coherency_rank=0).save_pretrained(tmp_path)
    message = r"my-index; different: coherency_rank, sparc_rank, sparc_size, vector_size, weights"
    with pytest.raises(SearchError, match=message):
        check_same_phrase_side(Path("my-index"), original, tmp_path)


@pytest.mark.parametrize("name", ["config.json", WEIGHTS_FILE, TOKENIZER_FILE])
def test_a_missing_file_is_named(name: str, original: Path, other: Path) -> None:
    (other / name).unlink()
    with pytest.raises(EncoderError, match=name):
        describe_phrase_side(other)


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_replaced_weights_leave_the_others_byte_for_byte(precision: Any, tmp_path: Path) -> None:
    state = {"kept": torch.randn(5, 3), "changed": torch.randn(4, 3), "bias": torch.randn(7)}
    (tmp_path / WEIGHTS_FILE).write_bytes(serialise_weights(state, precision))
    changed = replace_weights(tmp_path, {"changed": torch.ones(4, 3), "bias": torch.ones(7)})
    before, after = load((tmp_path / WEIGHTS_FILE).read_bytes()), load(changed)
    (tmp_path / WEIGHTS_FILE).write_bytes(changed)
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert same == ({"kept", "kept.row_scale"} if precision == "int8" else {"kept"})
    found, stored = read_weights(tmp_path)
    assert stored == precision
    torch.testing.assert_close(found["changed"], torch.ones(4, 3))


def test_a_weight_that_is_not_there_cannot_be_replaced(original: Path) -> None:
    with pytest.raises(EncoderError, match="lack \\['nothing'\\]"):
        replace_weights(original, {"nothing": torch.ones(1)})
