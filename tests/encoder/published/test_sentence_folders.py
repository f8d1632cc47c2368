"""sentence-transformers folders: their vectors against transformers, and against sentence-transformers itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertModel

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.errors import EncoderError
from tests.encoder.published.published_folders import (
    edit_json,
    random_bert,
    write_json,
    write_modules,
    write_pooling,
    write_router_folder,
    write_sentence_folder,
    write_transformer,
)

TEXTS = [
    "who was king",
    "",
    "The Queen of London, born in the year 1819, was by the river of the city. " * 3,  # longer than any limit
    "Où est né l'empereur 秦始皇 🙂 \u200b",
    "in 1066 and 1789",
]
PROMPTS = {"query": "what: ", "document": "the text "}


def passages(texts: list[str]) -> list[ParagraphInput]:
    return [ParagraphInput(text) for text in texts]


def load(folder: Path) -> PassageEncoder:
    return PassageEncoder.from_pretrained(folder, bf16=False)


def direct(folder: Path, texts: list[str], most: int, pooling: str, normalise: bool) -> NDArray[np.float64]:
    """Return vectors by transformers and numpy, one text at a time, in float64."""
    model, tokenizer = BertModel.from_pretrained(folder).double().eval(), AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in texts:
        inputs = tokenizer(text, truncation=True, max_length=most, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**inputs).last_hidden_state[0].numpy()
        row = hidden[0] if pooling == "cls" else hidden.mean(0)
        rows.append(row / np.linalg.norm(row) if normalise else row)
    return np.stack(rows)


@pytest.mark.parametrize("old", [True, False], ids=["version 2", "version 6"])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("normalise", [True, False])
def test_vectors_are_those_of_transformers(tmp_path: Path, pooling: str, normalise: bool, old: bool) -> None:
    similarity = "cosine" if normalise else "dot"
    folder = write_sentence_folder(tmp_path, pooling, normalise, old, prompts=PROMPTS, similarity_fn_name=similarity)
    encoder = load(folder)
    most = 32 if old else 24
    assert (encoder.config.max_passage_tokens, encoder.config.max_question_tokens) == (most, most)
    assert encoder.config.is_shared
    expected = direct(folder, [PROMPTS["query"] + text for text in TEXTS], most, pooling, normalise)
    np.testing.assert_allclose(encoder.encode_questions(TEXTS), expected, atol=1e-5, rtol=1e-5)
    expected = direct(folder, [PROMPTS["document"] + text for text in TEXTS], most, pooling, normalise)
    np.testing.assert_allclose(encoder.encode_passages(passages(TEXTS)), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("old", [True, False], ids=["version 2", "version 6"])
@pytest.mark.parametrize(("pooling", "normalise"), [("cls", False), ("mean", True), ("mean", False)])
def test_vectors_are_those_of_sentence_transformers(tmp_path: Path, pooling: str, normalise: bool, old: bool) -> None:
    library = pytest.importorskip("sentence_transformers")
    folder = write_sentence_folder(tmp_path, pooling, normalise, old, prompts=PROMPTS, similarity_fn_name="dot")
    model, encoder = library.SentenceTransformer(str(folder), device="cpu"), load(folder)
    np.testing.assert_allclose(encoder.encode_questions(TEXTS), model.encode_query(TEXTS), atol=1e-5, rtol=1e-5)
    found = encoder.encode_passages(passages(TEXTS))
    np.testing.assert_allclose(found, model.encode_document(TEXTS), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("inside", [True, False], ids=["pooling in the routes", "pooling behind"])
@pytest.mark.parametrize("shared", [True, False])
def test_two_routes_are_two_towers_or_one(tmp_path: Path, shared: bool, inside: bool) -> None:
    folder = write_router_folder(tmp_path, shared, inside)
    encoder = load(folder)
    lengths = (40, 40) if shared else (40, 20)
    assert encoder.config.is_shared is shared
    assert (encoder.config.max_passage_tokens, encoder.config.max_question_tokens) == lengths
    document = folder / ("query_0_Transformer" if shared else "document_0_Transformer")
    expected = direct(document, TEXTS, 40, "cls", normalise=False)
    np.testing.assert_allclose(encoder.encode_passages(passages(TEXTS)), expected, atol=1e-5, rtol=1e-5)
    expected = direct(folder / "query_0_Transformer", TEXTS, lengths[1], "cls", normalise=False)
    np.testing.assert_allclose(encoder.encode_questions(TEXTS), expected, atol=1e-5, rtol=1e-5)


def test_routes_are_those_of_sentence_transformers(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    folder = write_router_folder(tmp_path)
    model, encoder = library.SentenceTransformer(str(folder), device="cpu"), load(folder)
    np.testing.assert_allclose(encoder.encode_questions(TEXTS), model.encode_query(TEXTS), atol=1e-5, rtol=1e-5)
    found = encoder.encode_passages(passages(TEXTS))
    np.testing.assert_allclose(found, model.encode_document(TEXTS), atol=1e-5, rtol=1e-5)


def test_routes_of_older_versions(tmp_path: Path) -> None:
    folder = write_router_folder(tmp_path)
    expected = load(folder).fingerprint
    for name in ("router_config.json", "modules.json"):
        text = (folder / name).read_text(encoding="utf-8").replace('"document":', '"doc":')
        text = text.replace("sentence_transformers.base.modules.router.Router", "sentence_transformers.models.Asym")
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "router_config.json").rename(folder / "config.json")
    assert load(folder).fingerprint == expected


@pytest.mark.parametrize(
    ("config", "normalised"),
    [({"similarity_fn_name": "dot"}, False), ({"similarity_fn_name": "cosine"}, True), ({}, True)],
    ids=str,
)
def test_the_similarity_decides_whether_vectors_have_unit_length(
    tmp_path: Path, config: dict[str, Any], normalised: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="densephrase"):
        encoder = load(write_sentence_folder(tmp_path, **config))
    assert encoder.config.normalise is normalised
    lengths = np.linalg.norm(encoder.encode_questions(TEXTS), axis=1)
    assert np.allclose(lengths, 1, atol=1e-6) is normalised
    assert ("does not say how its vectors are compared" in caplog.text) is (not config)


def test_the_first_prompt_with_a_text_is_the_prefix_of_passages(tmp_path: Path) -> None:
    prompts = {"query": "q: ", "document": "", "passage": "p: ", "corpus": "c: "}
    config = load(write_sentence_folder(tmp_path, prompts=prompts)).config
    assert (config.question_prefix, config.passage_prefix) == ("q: ", "p: ")


def test_lower_case_may_be_asked_for_by_the_folder(tmp_path: Path) -> None:
    folder = write_sentence_folder(tmp_path)
    edit = (folder / "tokenizer.json").read_text(encoding="utf-8").replace('"lowercase":true', '"lowercase":false')
    edit = edit.replace('"lowercase": true', '"lowercase": false')
    (folder / "tokenizer.json").write_text(edit, encoding="utf-8")
    cased = load(folder).encode_questions(["King", "king"])
    edit_json(folder / "sentence_bert_config.json", do_lower_case=True)
    lower = load(folder).encode_questions(["King", "king"])
    assert not np.allclose(cased[0], cased[1])
    np.testing.assert_allclose(lower[0], lower[1], atol=1e-6)


def test_what_is_loaded_stays_the_same_when_it_is_saved(tmp_path: Path) -> None:
    encoder = load(write_sentence_folder(tmp_path / "published", prompts=PROMPTS))
    encoder.save_pretrained(tmp_path / "saved")
    saved = load(tmp_path / "saved")
    assert (saved.fingerprint, saved.config) == (encoder.fingerprint, encoder.config)
    np.testing.assert_array_equal(saved.encode_questions(TEXTS), encoder.encode_questions(TEXTS))


def test_weights_under_other_names_are_the_same_weights(tmp_path: Path) -> None:
    """As a model with heads writes them, and as before transformers; in a torch file; with what no vector needs."""
    folder = write_sentence_folder(tmp_path)
    expected = load(folder).encode_questions(TEXTS)
    state = {f"bert.{name}": value for name, value in load_file(folder / "model.safetensors").items()}
    state = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): value for name, value in state.items()}
    state |= {"cls.predictions.bias": torch.zeros(3), "bert.embeddings.position_ids": torch.arange(64)[None]}
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    np.testing.assert_array_equal(load(folder).encode_questions(TEXTS), expected)


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    folder = write_sentence_folder(tmp_path)
    random_bert(1).to(torch.bfloat16).save_pretrained(folder)
    encoder = load(folder)
    assert {parameter.dtype for parameter in encoder.model.parameters()} == {torch.float32}


def dense(folder: Path) -> None:
    write_modules(folder, ("Transformer", ""), ("Pooling", "1_Pooling"))
    text = (folder / "modules.json").read_text(encoding="utf-8")
    extra = '{"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}]'
    (folder / "modules.json").write_text(text[:-1] + ", " + extra, encoding="utf-8")


def outside(path: str) -> Callable[[Path], None]:
    return lambda folder: write_modules(folder, ("Transformer", path), ("Pooling", "1_Pooling"))


def drop(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        del tensors[name]
        save_file(tensors, folder / "model.safetensors")

    return change


def extra(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors") | {name: torch.ones(2)}
        save_file(tensors, folder / "model.safetensors")

    return change


def two_poolings(folder: Path) -> None:
    flags = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}
    write_json(folder / "1_Pooling" / "config.json", flags)


def not_framed(folder: Path) -> None:
    edit_json(folder / "tokenizer.json", post_processor=None)


def unlink(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "dense": (dense, "a module of type 'sentence_transformers.models.Dense', which cannot be read. Accepted are"),
    "no pooling": (lambda folder: write_modules(folder, ("Transformer", "")), "has Transformer, which cannot be read"),
    "order": (lambda folder: write_modules(folder, ("Pooling", "1_Pooling"), ("Transformer", "")), "Pooling . Transf"),
    "no module": (lambda folder: write_json(folder / "modules.json", []), "is no list of modules"),
    "list of numbers": (lambda folder: write_json(folder / "modules.json", [1]), "is no list of modules"),
    "object": (lambda folder: write_json(folder / "modules.json", {}), "expected a JSON list"),
    "own code": (
        lambda folder: write_json(folder / "modules.json", [{"type": "custom.Transformer", "path": ""}]),
        "a module of type 'custom.Transformer'",
    ),
    "above": (outside("../x"), "no folder inside it"),
    "absolute": (outside("/etc"), "no folder inside it"),
    "missing module": (outside("nowhere"), "nowhere"),
    "max": (lambda folder: write_pooling(folder / "1_Pooling", "max", old=True), "pooling by"),
    "last token": (lambda folder: write_pooling(folder / "1_Pooling", "lasttoken", old=False), "pooling by 'lasttok"),
    "cls and mean": (two_poolings, "pooling by"),
    "without the prompt": (
        lambda folder: edit_json(folder / "1_Pooling" / "config.json", include_prompt=False),
        "include_prompt",
    ),
    "distance": (
        lambda folder: edit_json(folder / "config_sentence_transformers.json", similarity_fn_name="euclidean"),
        "the similarity 'euclidean'",
    ),
    "prompts": (
        lambda folder: edit_json(folder / "config_sentence_transformers.json", prompts={"query": 3}),
        "an object of texts is expected",
    ),
    "length": (
        lambda folder: edit_json(folder / "sentence_bert_config.json", max_seq_length="long"),
        "max_seq_length='long'",
    ),
    "not JSON": (lambda folder: (folder / "config.json").write_text("{", encoding="utf-8"), "is not JSON"),
    "own architecture": (
        lambda folder: edit_json(folder / "config.json", auto_map={"AutoModel": "code.Model"}),
        "built from its own configuration alone",
    ),
    "heads": (lambda folder: edit_json(folder / "config.json", num_attention_heads=0), "num_attention_heads=0"),
    "too many layers": (lambda folder: edit_json(folder / "config.json", num_hidden_layers=900), "more layers than"),
    "fewer layers": (lambda folder: edit_json(folder / "config.json", num_hidden_layers=1), "unexpected"),
    "missing weight": (drop("encoder.layer.1.output.dense.weight"), "missing .'encoder.layer.1.output.dense.weight'"),
    "weight of no use": (extra("encoder.layer.1.adapter.weight"), "unexpected .'encoder.layer.1.adapter.weight'"),
    "no weights": (unlink("model.safetensors"), "holds neither model.safetensors nor pytorch_model.bin"),
    "no tokenizer": (unlink("tokenizer.json"), "tokenizer|cannot be loaded"),
    "no frame": (not_framed, r"between the tokens \[\]"),
}


@pytest.mark.parametrize("spoil", SPOILED)
def test_what_cannot_be_read_is_named(tmp_path: Path, spoil: str) -> None:
    change, message = SPOILED[spoil]
    folder = write_sentence_folder(tmp_path / "model", prompts=PROMPTS)
    change(folder)
    with pytest.raises(EncoderError, match=message):
        load(folder)


def route(folder: Path, **changes: Any) -> None:
    edit_json(folder / "router_config.json", **changes)


TRANSFORMERS = {"query": ["query_0_Transformer"], "document": ["document_0_Transformer"]}
SPOILED_ROUTES: dict[str, tuple[Callable[[Path], object], str]] = {
    "three": (
        lambda folder: route(folder, structure={**TRANSFORMERS, "image": ["query_0_Transformer"]}),
        r"routes \['document', 'image', 'query'\]",
    ),
    "one": (lambda folder: route(folder, structure={"query": ["query_0_Transformer"]}), "a Router with routes"),
    "empty": (lambda folder: route(folder, structure={"query": [], "document": []}), "a Router with routes"),
    "numbers": (lambda folder: route(folder, structure={"query": 1, "document": 2}), "no list of modules"),
    "unknown": (lambda folder: route(folder, structure={"query": ["x"], "document": ["y"]}), "module of type None"),
    "mapped": (
        lambda folder: route(folder, parameters={"route_mappings": {"('query', 'text')": "query"}}),
        "a Router with mappings",
    ),
    "pooled differently": (
        lambda folder: write_pooling(folder / "query_1_Pooling", "mean", old=False),
        "different pooling",
    ),
    "no pooling": (lambda folder: route(folder, structure=TRANSFORMERS), "has Transformer"),
    "architectures": (
        lambda folder: edit_json(folder / "query_0_Transformer" / "config.json", num_hidden_layers=1),
        "two Transformers of different architectures",
    ),
    "tokenizers": (
        lambda folder: write_transformer(folder / "query_0_Transformer", 1, do_lower_case=True),
        "two Transformers with different tokenizers",
    ),
}


@pytest.mark.parametrize("spoil", SPOILED_ROUTES)
def test_routes_that_cannot_be_read_are_named(tmp_path: Path, spoil: str) -> None:
    change, message = SPOILED_ROUTES[spoil]
    folder = write_router_folder(tmp_path / "model")
    change(folder)
    with pytest.raises(EncoderError, match=message):
        load(folder)
