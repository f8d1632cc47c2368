"""Passage encoders as sentence-transformers folders, read back by this library, by transformers and by theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from tests.conftest import make_passage_encoder, make_tokenizer

TEXTS = ["who was king", "", "the queen of london by the river " * 9, "Où est 秦始皇 ﷽", "in 1066"]
PASSAGES = [ParagraphInput(text) for text in TEXTS]
PREFIXES = {"question_prefix": "what ", "passage_prefix": "of "}
EQUAL = {"max_passage_tokens": 24, "max_question_tokens": 24}
KINDS: dict[str, dict[str, Any]] = {
    "dpr": {"title": "text"},
    "shared": {"title": "text", "is_shared": True, **EQUAL},
    "cosine": {"title": "text", "is_shared": True, "pooling": "mean", "normalise": True, **PREFIXES, **EQUAL},
    "two means": {"title": "text", "pooling": "mean", "normalise": True, **PREFIXES},
    "roberta": {
        "title": "text",
        "backbone": {
            "model_type": "roberta",
            "vocab_size": make_tokenizer().get_vocab_size(),
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 48,
            "max_position_embeddings": 64,
            "type_vocab_size": 1,
            "pad_token_id": 0,
        },
    },
}


@pytest.mark.parametrize("kind", KINDS)
def test_this_library_reads_it_back(tmp_path: Path, kind: str) -> None:
    encoder = make_passage_encoder(**KINDS[kind])
    encoder.save_sentence_transformers(tmp_path)
    found = PassageEncoder.from_pretrained(tmp_path, bf16=False)
    assert found.config == encoder.config
    np.testing.assert_allclose(found.encode_questions(TEXTS), encoder.encode_questions(TEXTS), atol=1e-6)
    np.testing.assert_allclose(found.encode_passages(PASSAGES), encoder.encode_passages(PASSAGES), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_reads_each_tower_whole(tmp_path: Path, kind: str) -> None:
    encoder = make_passage_encoder(**KINDS[kind])
    encoder.save_sentence_transformers(tmp_path)
    where = tmp_path if encoder.config.is_shared else tmp_path / "query_0_Transformer"
    model, report = AutoModel.from_pretrained(where, output_loading_info=True)
    assert all("pooler" in name for name in report["missing_keys"])
    assert not report["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(where)
    text = encoder.config.question_prefix + "who was the king of the river"
    inputs = tokenizer(text, truncation=True, return_tensors="pt", return_token_type_ids=False)
    assert inputs["input_ids"].tolist() == encoder.tokeniser.questions(["who was the king of the river"])
    with torch.no_grad():
        hidden = model.eval()(**inputs).last_hidden_state[0]
    vector = hidden[0] if encoder.config.pooling == "cls" else hidden.mean(0)
    vector = vector / vector.norm() if encoder.config.normalise else vector
    found = encoder.encode_questions(["who was the king of the river"])[0]
    np.testing.assert_allclose(found, vector.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_sentence_transformers_gives_the_same_vectors(tmp_path: Path, kind: str) -> None:
    library = pytest.importorskip("sentence_transformers")
    encoder = make_passage_encoder(**KINDS[kind])
    encoder.save_sentence_transformers(tmp_path)
    model = library.SentenceTransformer(str(tmp_path), device="cpu")
    assert model.similarity_fn_name == ("cosine" if encoder.config.normalise else "dot")
    np.testing.assert_allclose(model.encode_query(TEXTS), encoder.encode_questions(TEXTS), atol=1e-5)
    np.testing.assert_allclose(model.encode_document(TEXTS), encoder.encode_passages(PASSAGES), atol=1e-5)


def test_titles_of_segments_are_written_with_a_separator(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    encoder = make_passage_encoder(title="segment")
    encoder.save_sentence_transformers(tmp_path)
    assert "`title [SEP] text`" in (tmp_path / "README.md").read_text(encoding="utf-8")
    model = library.SentenceTransformer(str(tmp_path), device="cpu")
    expected = encoder.encode_passages([ParagraphInput("the war", "Paris"), ParagraphInput("the war " * 40, "London")])
    found = model.encode_document(["Paris [SEP] the war", "London [SEP] " + "the war " * 40])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_tower_for_both_reads_the_longer_length(tmp_path: Path) -> None:
    make_passage_encoder(is_shared=True).save_sentence_transformers(tmp_path)
    settings = json.loads((tmp_path / "sentence_bert_config.json").read_text(encoding="utf-8"))
    assert settings == {"max_seq_length": 48, "do_lower_case": False}


def test_equal_encoders_give_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        make_passage_encoder().save_sentence_transformers(tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 15
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
