"""A tiny index with sparse vectors and inverted lists, and questions to ask it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from tests.build_index.samples import WORDS, random_documents, write_corpus
from tests.conftest import make_encoder


@pytest.fixture(scope="session")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of three shards or more."""
    folder = tmp_path_factory.mktemp("small")
    corpus = write_corpus(folder / "docs.jsonl", random_documents(30))
    options = BuildOptions(shard_characters=1200, flat_limit=0)
    make_encoder(sparc_size=8).save_pretrained(folder / "encoder")
    encoder = PhraseEncoder.from_pretrained(folder / "encoder", bf16=False)
    build(corpus, folder / "index", encoder=encoder, options=options)
    return folder / "index"


@pytest.fixture(scope="session")
def questions_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty questions of two words each."""
    path = tmp_path_factory.mktemp("questions") / "questions.jsonl"
    texts = [f"{WORDS[number % 7]} {WORDS[number % 11]}?" for number in range(20)]
    rows = [json.dumps({"question": text, "answers": ["Paris"]}) for text in texts]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path
