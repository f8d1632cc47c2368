"""SQuAD json, v1.1 and v2.0, read an article at a time; underscores of the titles stand for spaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from densephrase.corpus.files.articles import plain_title, walk_articles
from densephrase.corpus.files.records import CorpusFile, Place
from densephrase.corpus.questions.question_fields import as_object, objects_of, text_of
from densephrase.corpus.questions.question_row import make_question
from densephrase.data import Question

_EXPECTED = (
    'questions in the form of SQuAD are {"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [...]}]}]}'
)


def read_squad_questions(file: CorpusFile) -> Iterator[Question]:
    """Yield the questions of all paragraphs of all articles; their place is the id where none is given."""
    for number, (_, article) in enumerate(walk_articles(file, _EXPECTED)):
        where = f"{Place(file.path)}, data[{number}]"
        yield from _read_article(as_object(article, where, "the article"), where)


def _read_article(article: Mapping[str, Any], where: str) -> Iterator[Question]:
    title = plain_title(text_of(article, "title", where, default=""))
    for number, paragraph in objects_of(article, "paragraphs", where):
        within = f"{where}.paragraphs[{number}]"
        context = text_of(paragraph, "context", within)
        for position, row in objects_of(paragraph, "qas", within):
            at = f"{within}.qas[{position}]"
            yield make_question({**row, "title": title, "context": context}, at, at.rsplit(", ", 1)[-1])
