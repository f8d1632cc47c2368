"""A compact index is built the same however often the build is stopped, and damage to it is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from densephrase.build_index.compact.cloze import cloze_question
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.data import Document
from densephrase.errors import BuildError, IndexFormatError
from densephrase.index.index_reader import IndexReader
from densephrase.index.verify import verify
from densephrase.storage.columns import map_columns
from tests.build_index.samples import file_hashes, random_documents, write_corpus
from tests.build_index.test_resume import Killed, _count_publications
from tests.search.fake_encoder import FakeEncoder

OPTIONS = BuildOptions(profile="compact", shard_characters=800, flat_limit=10, lists=4)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    made = random_documents(24)
    made[3] = Document("odd", "  \n before\ttabs\u2028\n\n\nﬁn  É\n ", "")
    made[7] = Document("short", "\n\n x \n\n", "Short")
    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "docs.jsonl", documents)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, corpus: Path) -> Path:
    path = tmp_path_factory.mktemp("built") / "index"
    build(corpus, path, encoder=FakeEncoder(sparc_size=8), options=OPTIONS)
    return path


def test_texts_come_back(built: Path, documents: list[Document]) -> None:
    reader = IndexReader.open(built)
    assert [reader.document(row).text for row in range(24)] == [document.text for document in documents]
    assert not verify(built)


@pytest.mark.parametrize("kill_at", [2, 4, 5, 6, 9, 14, 15, 16, 18])
def test_a_stopped_build_goes_on(
    kill_at: int, built: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _count_publications(patch, kill_at)
        with pytest.raises(Killed):
            build(corpus, tmp_path / "index", encoder=FakeEncoder(sparc_size=8), options=OPTIONS)
    build(corpus, tmp_path / "index", encoder=FakeEncoder(sparc_size=8), options=OPTIONS)
    assert file_hashes(tmp_path / "index") == file_hashes(built)


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("codebooks.h5", "piece_blob"),
        ("segments/000001/ann.h5", "residual_centroids"),
        ("segments/000001/ann.h5", "places"),
        ("segments/000001/ends.h5", "end_codes"),
        ("segments/000001/ends.h5", "end_rows_centroids"),
        ("segments/000001/ends.h5", "prediction_weights"),
        ("segments/000001/shard-00000.h5", "token_forms"),
        ("segments/000001/shard-00000.h5", "start_kept"),
    ],
)
def test_damage_is_found(file: str, column: str, built: Path, tmp_path: Path) -> None:
    path = shutil.copytree(built, tmp_path / "index")
    offset = map_columns(path / file).spans[column].offset
    content = bytearray((path / file).read_bytes())
    content[offset] ^= 1
    (path / file).write_bytes(content)
    assert any(column in problem for problem in verify(path))


@pytest.mark.parametrize("file", ["codebooks.h5", "segments/000001/ann.h5", "segments/000001/ends.h5"])
def test_a_missing_file_is_named(file: str, built: Path, tmp_path: Path) -> None:
    path = shutil.copytree(built, tmp_path / "index")
    (path / file).unlink()
    with pytest.raises(IndexFormatError, match=Path(file).name):
        IndexReader.open(path)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(BuildError, match="profile"):
        BuildOptions(profile="tiny")


@pytest.mark.parametrize("text", ["", ".", "One.", "Who was it? It was Ada Lovelace, of course!", "a " * 50])
def test_cloze_questions_ask_for_something(text: str) -> None:
    question = cloze_question(text, np.random.default_rng(0))
    assert "what" in question.split("?")[0].split()
    assert question.endswith("?")
    assert len(question.split()) <= 14
