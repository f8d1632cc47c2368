"""The bundled sample is small, attributed and consistent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

MAX_BYTES = 300_000


@pytest.fixture(scope="module")
def folder() -> Path:
    return Path(str(resources.files("densephrase"))) / "sample"


@pytest.fixture(scope="module")
def documents(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def articles(folder: Path) -> list[dict[str, Any]]:
    articles: list[dict[str, Any]] = json.loads((folder / "questions.json").read_text(encoding="utf-8"))["data"]
    return articles


def questions(articles: list[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each question with its article's title and its paragraph."""
    for article in articles:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                yield article["title"], paragraph["context"], question


def test_sample_is_small(folder: Path) -> None:
    assert sum(file.stat().st_size for file in folder.iterdir()) <= MAX_BYTES


def test_sample_has_documents_of_several_paragraphs(documents: list[dict[str, Any]]) -> None:
    assert 10 <= len(documents) <= 20
    assert all(document["text"].count("\n\n") >= 2 for document in documents)


def test_document_ids_are_unique(documents: list[dict[str, Any]]) -> None:
    assert len({document["id"] for document in documents}) == len(documents)


def test_documents_are_attributed(documents: list[dict[str, Any]], folder: Path) -> None:
    assert all(d["url"].startswith("https://en.wikipedia.org/wiki/") for d in documents)
    attribution = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert all(name in attribution for name in ("Rajpurkar", "CC BY-SA 4.0", "Wikipedia"))


def test_question_ids_are_unique(articles: list[dict[str, Any]]) -> None:
    ids = [question["id"] for _, _, question in questions(articles)]
    assert 60 <= len(ids) == len(set(ids)) <= 100


def test_answer_offsets_are_exact(articles: list[dict[str, Any]]) -> None:
    for _, context, question in questions(articles):
        assert question["answers"]
        for answer in question["answers"]:
            start = answer["answer_start"]
            assert context[start : start + len(answer["text"])] == answer["text"], question["id"]


def test_contexts_are_paragraphs_of_the_corpus(articles: list[dict[str, Any]], documents: list[dict[str, Any]]) -> None:
    paragraphs = {document["id"]: document["text"].split("\n\n") for document in documents}
    for title, context, question in questions(articles):
        assert context in paragraphs[title], question["id"]
