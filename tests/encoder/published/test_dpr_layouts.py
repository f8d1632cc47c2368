"""DPR as published: vectors against transformers' own classes, names of weights, and the case of the tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import DPRContextEncoder, DPRQuestionEncoder

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.encoder.published.published_tokenizer import read_bert_tokenizer
from densephrase.errors import EncoderError
from tests.encoder.published.published_folders import (
    edit_json,
    framing_tokenizer,
    write_dpr_checkpoint,
    write_dpr_pair,
    write_dpr_tower,
)

QUESTIONS = ["who was king", "", "When was the Queen born in London?", "Où est né l'empereur 秦始皇"]
PASSAGES = [
    ParagraphInput("the river of the city", "Paris"),
    ParagraphInput("in 1066 and 1789"),
    ParagraphInput("the war of the king and the queen, by the year " * 4, "London [SEP] city"),  # longer than is read
]


def load(name: str | Path) -> PassageEncoder:
    return PassageEncoder.from_pretrained(name, bf16=False)


def pieces(text: str) -> list[int]:
    return framing_tokenizer().encode(text, add_special_tokens=False).ids


def vector(model: Any, ids: list[int]) -> NDArray[np.float64]:
    """Return transformers' vector of a row of tokens."""
    with torch.no_grad():
        found: NDArray[np.float64] = model.double().eval()(torch.tensor([ids])).pooler_output[0].numpy()
    return found


def assert_vectors_are_those_of_transformers(encoder: PassageEncoder, pair: Path) -> None:
    questions = DPRQuestionEncoder.from_pretrained(pair / "question_encoder")
    expected = [vector(questions, [2, *pieces(text)[:62], 3]) for text in QUESTIONS]
    np.testing.assert_allclose(encoder.encode_questions(QUESTIONS), np.stack(expected), atol=1e-5, rtol=1e-5)
    passages = DPRContextEncoder.from_pretrained(pair / "ctx_encoder")
    rows = []
    for passage in PASSAGES:
        encoder.tokeniser.tokenizer.encode_special_tokens = True  # "[SEP]" in a title is text
        title = encoder.tokeniser.tokenizer.encode(passage.title, add_special_tokens=False).ids
        rows.append([2, *([*title, 3] if title else []), *pieces(passage.text)][:63] + [3])
    expected = [vector(passages, row) for row in rows]
    np.testing.assert_allclose(encoder.encode_passages(PASSAGES), np.stack(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("torch_file", [True, False], ids=["as published", "safetensors"])
def test_vectors_are_those_of_transformers(tmp_path: Path, torch_file: bool) -> None:
    encoder = load(write_dpr_pair(tmp_path, torch_file))
    config = encoder.config
    assert (config.pooling, config.normalise, config.title, config.is_shared) == ("cls", False, "segment", False)
    assert (config.max_passage_tokens, config.max_question_tokens) == (64, 64)  # 256, but for the backbone
    assert_vectors_are_those_of_transformers(encoder, write_dpr_pair(tmp_path / "again"))


def test_two_folders_are_named_passages_first(tmp_path: Path) -> None:
    pair = write_dpr_pair(tmp_path / "pair")
    for name in ("ctx", "question"):
        (pair / f"{name}_encoder").rename(tmp_path / name)
    encoder = load(f"{tmp_path / 'ctx'},{tmp_path / 'question'}")
    assert encoder.fingerprint == load(write_dpr_pair(tmp_path / "again")).fingerprint
    with pytest.raises(EncoderError, match=r"it is not DPR's ctx_encoder. Name passages first: 'PASSAGES,QUESTIONS'"):
        load(f"{tmp_path / 'question'},{tmp_path / 'ctx'}")


def test_a_checkpoint_of_the_original_program_has_the_same_vectors(tmp_path: Path) -> None:
    encoder = load(write_dpr_checkpoint(tmp_path))
    assert_vectors_are_those_of_transformers(encoder, write_dpr_pair(tmp_path / "pair"))


def test_sizes_of_a_checkpoint_follow_from_its_weights(tmp_path: Path) -> None:
    (write_dpr_checkpoint(tmp_path) / "config.json").unlink()
    backbone = load(tmp_path).config.backbone
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "max_position_embeddings": 64}
    assert sizes.items() <= backbone.items()
    assert backbone["num_attention_heads"] == 1  # of 64 dimensions each


@pytest.mark.parametrize("write", [write_dpr_pair, write_dpr_checkpoint])
def test_what_is_loaded_stays_the_same_when_it_is_saved(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    encoder = load(write(tmp_path / "published"))
    encoder.save_pretrained(tmp_path / "saved")
    saved = load(tmp_path / "saved")
    assert (saved.fingerprint, saved.config) == (encoder.fingerprint, encoder.config)
    np.testing.assert_array_equal(saved.encode_passages(PASSAGES), encoder.encode_passages(PASSAGES))


@pytest.mark.parametrize("with_json", [True, False], ids=["tokenizer.json", "vocab.txt"])
@pytest.mark.parametrize("lowercase", [True, False, None])
def test_the_tokenizer_has_the_case_that_is_stated(tmp_path: Path, with_json: bool, lowercase: bool | None) -> None:
    folder = write_dpr_tower(tmp_path, "ctx_encoder", 1)
    edit_json(folder / "tokenizer_config.json", do_lower_case=lowercase)
    if with_json:
        (folder / "vocab.txt").unlink()
        framing_tokenizer().save(str(folder / "tokenizer.json"))
    tokenizer, special = read_bert_tokenizer(folder)
    assert special == {"cls_token_id": 2, "sep_token_id": 3, "pad_token_id": 0}
    assert tokenizer.encode("Paris").tokens == (
        ["[CLS]", "[UNK]", "[SEP]"] if lowercase is False else ["[CLS]", "paris", "[SEP]"]
    )


def test_the_vocabulary_alone_splits_as_the_whole_tokenizer_does(tmp_path: Path) -> None:
    tokenizer, _ = read_bert_tokenizer(write_dpr_tower(tmp_path, "ctx_encoder", 1))
    for text in [*QUESTIONS, *(passage.text for passage in PASSAGES)]:
        assert tokenizer.encode(text).ids == framing_tokenizer().encode(text).ids


class Payload:
    """What pickle would run."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return pytest.fail, ("code of a file was run",)


def change_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "question_encoder/model.safetensors")
        change(tensors)
        save_file(tensors, folder / "question_encoder/model.safetensors")

    return apply


def torch_weights(content: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / "question_encoder/model.safetensors").unlink()
        torch.save(content, folder / "question_encoder/pytorch_model.bin")

    return apply


def setting(name: str, **changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit_json(folder / name, **changes)


def cut(folder: Path) -> None:
    path = folder / "ctx_encoder/model.safetensors"
    path.write_bytes(path.read_bytes()[:300])


def other_vocabulary(folder: Path) -> None:
    path = folder / "question_encoder/vocab.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("king\n", "kings\n"), encoding="utf-8")


WEIGHT = "question_encoder.bert_model.encoder.layer.0.output.dense.weight"
SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "projection": (setting("ctx_encoder/config.json", projection_dim=128), "projection_dim=128; DPR without"),
    "projected": (
        change_weights(lambda tensors: tensors.update({"question_encoder.encode_proj.weight": torch.ones(2, 2)})),
        "encode_proj.weight' and the like",
    ),
    "another model": (setting("ctx_encoder/config.json", model_type="bert"), "model_type='bert'"),
    "sizes": (setting("ctx_encoder/config.json", hidden_act="relu"), "differ in their backbone; they are no pair"),
    "vocabularies": (other_vocabulary, "have different tokenizers; they are no pair"),
    "cases": (setting("ctx_encoder/tokenizer_config.json", do_lower_case=False), "have different tokenizers"),
    "case": (setting("ctx_encoder/tokenizer_config.json", do_lower_case="no"), "do_lower_case='no'"),
    "reader": (change_weights(lambda tensors: tensors.update({"span_predictor.x": torch.ones(1)})), "span_predictor.x"),
    "missing": (change_weights(lambda tensors: tensors.pop(WEIGHT)), r"missing \['encoder.layer.0.output.dense.wei"),
    "not a number": (change_weights(lambda tensors: tensors[WEIGHT].fill_(float("nan"))), "holds what is no number"),
    "cut": (cut, "not a readable safetensors file"),
    "code": (torch_weights({"a": Payload()}), "no torch file of tensors and plain values"),
    "no tensors": (torch_weights({"a": 1}), "holds no state dictionary of tensors"),
    "no dictionary": (torch_weights([torch.ones(1)]), "holds no state dictionary of tensors"),
    "no vocabulary": (lambda folder: (folder / "ctx_encoder/vocab.txt").unlink(), "neither tokenizer.json nor vocab"),
    "not BERT's": (lambda folder: (folder / "ctx_encoder/vocab.txt").write_text("a\nb\n"), r"lacks \[UNK\]"),
    "not a text": (lambda folder: (folder / "ctx_encoder/vocab.txt").write_bytes(b"\xff\n"), "is not UTF-8"),
    "one tower": (lambda folder: (folder / "ctx_encoder").rename(folder / "other"), "is no passage encoder; it holds"),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_what_cannot_be_read_is_named(tmp_path: Path, spoil: str) -> None:
    change, message = SPOILED[spoil]
    folder = write_dpr_pair(tmp_path / "dpr")
    change(folder)
    with pytest.raises(EncoderError, match=message):
        load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_dict": None}, "holds no state dictionary of tensors"),
        (
            {"model_dict": {"ctx_model.x": torch.ones(1)}},
            "1 weights of ctx_model, 0 of question_model and 0 of neither",
        ),
        ({"model_dict": {"encoder.x": torch.ones(1)}}, "0 weights of ctx_model, 0 of question_model and 1 of neither"),
        ({"encoder_params": Payload()}, "no torch file of tensors and plain values"),
    ],
)
def test_checkpoints_that_cannot_be_read_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_dpr_checkpoint(tmp_path, **changes)
    with pytest.raises(EncoderError, match=message):
        load(tmp_path)


def test_a_projected_checkpoint_is_named(tmp_path: Path) -> None:
    path = next(write_dpr_checkpoint(tmp_path).glob("*.cp"))
    content = torch.load(path, weights_only=True)
    content["model_dict"]["ctx_model.encode_proj.weight"] = torch.ones(4, 32)
    torch.save(content, path)
    with pytest.raises(EncoderError, match="projects vectors"):
        load(tmp_path)


def test_a_checkpoint_without_embeddings_is_named(tmp_path: Path) -> None:
    weights = {"ctx_model.x": torch.ones(1), "question_model.x": torch.ones(1)}
    write_dpr_checkpoint(tmp_path, model_dict=weights)
    (tmp_path / "config.json").unlink()
    with pytest.raises(EncoderError, match=r"lacks embeddings.word_embeddings.weight and 4 others"):
        load(tmp_path)


def test_two_checkpoints_in_a_folder_are_not_guessed_between(tmp_path: Path) -> None:
    for name in "ab":
        write_dpr_checkpoint(tmp_path / name)
    (tmp_path / "b/dpr_biencoder.39.1.cp").rename(tmp_path / "a/dpr_biencoder.38.1.cp")
    with pytest.raises(EncoderError, match=r"is no passage encoder; it holds .*38.1.cp, dpr_biencoder.39.1.cp"):
        load(tmp_path / "a")
