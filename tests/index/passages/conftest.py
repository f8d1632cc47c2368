"""Small indexes of passages of several shards: with inverted lists, scanned flat, and of terms only."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from densephrase.build_index.passages.passage_options import PassageBuildOptions
from densephrase.build_index.passages.passage_pipeline import build_passages
from tests.build_index.samples import random_documents
from tests.index.passages.fake_passage_encoder import FakePassageEncoder

DOCUMENTS = random_documents(24)


@pytest.fixture(scope="session")
def built_passages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index that no test may change."""
    path = tmp_path_factory.mktemp("passages") / "index"
    options = PassageBuildOptions(shard_characters=800, flat_limit=10, lists=4)
    build_passages(DOCUMENTS, path, encoder=FakePassageEncoder(), options=options)  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="session")
def built_terms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of terms only that no test may change."""
    path = tmp_path_factory.mktemp("passages") / "terms"
    build_passages(DOCUMENTS, path, encoder=None, options=PassageBuildOptions(shard_characters=800))
    return path


@pytest.fixture
def passages_copy(tmp_path: Path, built_passages: Path) -> Path:
    """Return a copy of the index that the test may spoil."""
    return shutil.copytree(built_passages, tmp_path / "index")
