"""A corpus of several shards and its index, built without interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from tests.build_index.samples import random_documents, write_corpus
from tests.search.fake_encoder import FakeEncoder

OPTIONS = {
    "flat": BuildOptions(shard_characters=800),
    "lists": BuildOptions(shard_characters=800, flat_limit=10, lists=8),
}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "docs.jsonl", random_documents(24))


@pytest.fixture(scope="session", params=["flat", "lists"])
def options(request: pytest.FixtureRequest) -> BuildOptions:
    return OPTIONS[request.param]


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, corpus: Path, options: BuildOptions) -> Path:
    path = tmp_path_factory.mktemp("built") / "index"
    build(corpus, path, encoder=FakeEncoder(), options=options)
    return path
