"""Builds of documents from memory against builds of the same documents in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_index.run.progress import Progress
from densephrase.data import Document
from densephrase.errors import BuildError
from tests.search.fake_encoder import FakeEncoder

DOCUMENTS = [
    Document(f"d{number}", f"Paris lies at the river Seine {number}.", "Paris", {"n": number}) for number in range(9)
]
OPTIONS = BuildOptions(shard_characters=60)
ENCODER: Any = FakeEncoder()


def handed(documents: list[Document]) -> Iterator[Document]:
    yield from documents


def stop_after_a_shard(progress: Progress) -> None:
    if progress.documents > 3:
        raise KeyboardInterrupt


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, bytes]:
    """Return the files of an index of the documents in a file."""
    corpus = tmp_path / "corpus.jsonl"
    rows = ({"id": one.id, "title": one.title, "text": one.text, **one.metadata} for one in DOCUMENTS)
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    build(corpus, tmp_path / "of-file", encoder=ENCODER, options=OPTIONS)
    return content(tmp_path / "of-file")


def test_a_generator_gives_the_index_of_its_documents(expected: dict[str, bytes], tmp_path: Path) -> None:
    build(handed(DOCUMENTS), tmp_path / "index", encoder=ENCODER, options=OPTIONS)
    assert content(tmp_path / "index") == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.jsonl", "index", "of-file"]


def test_a_build_that_was_stopped_goes_on_with_the_same_documents(expected: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(DOCUMENTS, tmp_path / "index", encoder=ENCODER, options=OPTIONS, progress=stop_after_a_shard)
    with pytest.raises(BuildError, match="other inputs: the corpus has changed"):
        build(DOCUMENTS[::-1], tmp_path / "index", encoder=ENCODER, options=OPTIONS)
    build(handed(DOCUMENTS), tmp_path / "index", encoder=ENCODER, options=OPTIONS)
    assert content(tmp_path / "index") == expected
