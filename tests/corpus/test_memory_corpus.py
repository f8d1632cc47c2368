"""Documents from memory: what is written of them, and what is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from densephrase.corpus.memory import written_documents
from densephrase.corpus.reader import read_corpus
from densephrase.data import Document
from densephrase.errors import CorpusError

DOCUMENTS = [
    Document("a", "Hamlet was written\nby Shakespeare.\u2028", "Hamlet", {"year": 1601, "places": ["Elsinore", None]}),
    Document("\u00e4", "\U0001d518nicode", ""),
]


def handed(documents: list[Document]) -> Iterator[Document]:
    yield from documents


@pytest.mark.parametrize("make", [list, tuple, handed], ids=["list", "tuple", "generator"])
def test_documents_can_be_read_twice(make: Any, tmp_path: Path) -> None:
    with written_documents(make(DOCUMENTS), tmp_path / "new" / "index") as path:
        assert path.parent.parent == tmp_path
        assert [list(read_corpus(path)) for _ in range(2)] == [DOCUMENTS, DOCUMENTS]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        pytest.param({"id": "b", "text": "x"}, "found {'id': 'b', 'text': 'x'}; expected a dens", id="dict"),
        pytest.param("x", "found 'x'; expected a densephrase", id="string"),
        pytest.param(Document("a", "x"), "id 'a': an earlier document has the same id", id="id twice"),
        pytest.param(Document("", "x"), "field 'id' is empty", id="empty id"),
        pytest.param(Document("b", " \n"), "id 'b': the text is empty", id="empty text"),
        pytest.param(Document("b", 7), "id 'b': field 'text' is a number; expected a string", id="number"),  # type: ignore[arg-type]
        pytest.param(Document("b", "\ud800"), r"id 'b': field 'text' holds U\+D800", id="surrogate"),
        pytest.param(Document("b", "x", "", {"y": {1}}), "id 'b': its metadata cannot be written as JSON", id="set"),
        pytest.param(Document("b", "x", "", {"y": float("nan")}), "id 'b': its metadata cannot be written", id="NaN"),
        pytest.param(
            Document("b", "x", "", {"text": "y"}), "id 'b': the metadata is .*; expected a mapping", id="name"
        ),
    ],
)
def test_a_bad_document_is_named_by_its_number(
    bad: Any, problem: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(CorpusError, match=f"^document 3.*{problem}"), written_documents([*DOCUMENTS, bad], tmp_path):
        pass
    with caplog.at_level(logging.WARNING), written_documents([*DOCUMENTS, bad], tmp_path / "x", skip_bad=True) as path:
        assert list(read_corpus(path)) == DOCUMENTS
    assert [message.startswith("skipped: document 3") for message in caplog.messages] == [True]


@pytest.mark.parametrize(
    "corpus", [7, None, b"docs.jsonl", {"id": "a"}, DOCUMENTS[0]], ids=lambda found: type(found).__name__
)
def test_what_holds_no_documents_is_refused(corpus: Any, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"of the type {type(corpus).__name__}"), written_documents(corpus, tmp_path):
        pass


def test_no_documents_are_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no documents"), written_documents([], tmp_path / "index"):
        pass
    assert not list(tmp_path.iterdir())
