"""Held-out articles: documents of an index that questions kept for evaluation are about; nothing is tuned on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from densephrase.corpus.files.articles import plain_title
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Question
from densephrase.errors import QuestionError
from densephrase.index.index_reader import IndexReader


def article_titles(files: Sequence[str | Path]) -> set[str]:
    """Return the titles of the articles that the questions of some files are about, as `plain_title` writes them.

    Raises:
        QuestionError: if a file cannot be read, or names no article.
    """
    titles: set[str] = set()
    for file in files:
        questions = read_questions(file)
        own = {plain_title(question.title) for question in questions if question.title}
        if not own:
            raise QuestionError(
                f"{file}: none of its {len(questions)} questions says which article it is about, so no article can be "
                "left out. Give questions with titles, as SQuAD has them, or an index without these articles."
            )
        titles |= own
    return titles


def questions_apart(questions: Sequence[Question], titles: Collection[str]) -> list[Question]:
    """Return the questions that are not about one of the articles with these titles."""
    return [question for question in questions if plain_title(question.title) not in titles]


def documents_by_title(reader: IndexReader) -> dict[str, list[str]]:
    """Return the ids of the documents of each title, underscores taken for spaces."""
    documents: dict[str, list[str]] = {}
    for shard in reader.shards:
        for identity, title in zip(shard.document_ids, shard.titles, strict=True):
            documents.setdefault(plain_title(title), []).append(identity)
    return documents


def documents_of(reader: IndexReader, titles: Collection[str]) -> tuple[str, ...]:
    """Return the ids of the documents of an index that have one of some titles."""
    if not titles:
        return ()
    documents = documents_by_title(reader)
    return tuple(identity for title in sorted(titles) for identity in documents.get(title, ()))
