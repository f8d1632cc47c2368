"""A small index of several shards, with sparse vectors and inverted lists."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from tests.build_index.samples import random_documents, write_corpus
from tests.search.fake_encoder import FakeEncoder


@pytest.fixture(scope="session")
def built_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index that no test may change."""
    folder = tmp_path_factory.mktemp("index")
    corpus = write_corpus(folder / "docs.jsonl", random_documents(24))
    options = BuildOptions(shard_characters=800, flat_limit=10, lists=8)
    build(corpus, folder / "index", encoder=FakeEncoder(sparc_size=8), options=options)
    return folder / "index"


@pytest.fixture
def index_copy(tmp_path: Path, built_index: Path) -> Path:
    """Return a copy of the index that the test may spoil."""
    return shutil.copytree(built_index, tmp_path / "index")
