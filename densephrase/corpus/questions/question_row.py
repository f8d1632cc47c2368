"""A question with its reference answers, made of a JSON object as public data sets write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densephrase.corpus.files.articles import plain_title
from densephrase.corpus.files.records import shorten
from densephrase.corpus.questions.question_fields import check_text, key_of, kind_of, text_of
from densephrase.corpus.questions.reference_answers import ANSWER_KEYS, read_answers
from densephrase.data import Question
from densephrase.errors import QuestionError

QUESTION_KEYS = ("question", "input")
_QUESTION = "'question' (or KILT's 'input')"
_ANSWERS = "a list 'answers' (or NQ-open's 'answer', KILT's 'output'; an empty one, or 'is_impossible', for no answer)"
_LONGEST_ID = 100  # characters shown


def make_question(row: Mapping[str, Any], where: str, default_id: str) -> Question:
    """Return the question of a row; it may have `id` (else `default_id`), `title`, `context` and `is_impossible`.

    `document` may be the id of the document with the answer. Raises QuestionError, which names the keys that were found
    where one is missing.
    """
    identity = _identity(row, where, default_id)
    where = f"{where} (id {shorten(identity, _LONGEST_ID)!r})"
    if row.get("regex"):
        raise QuestionError(f"{where}: answers that are regular expressions are not supported. Give plain strings.")
    key = key_of(row, QUESTION_KEYS, _QUESTION, where)
    text = text_of(row, key, where)
    if not text.strip():
        raise QuestionError(f"{where}: {key!r} is empty. Write a question, or leave the row out.")
    context = None if row.get("context") is None else text_of(row, "context", where)
    title = "" if row.get("title") is None else text_of(row, "title", where)
    answers = []
    if not row.get("is_impossible"):
        key = key_of(row, ANSWER_KEYS, _ANSWERS, where)
        answers = read_answers(row, key, where, context)
        if isinstance(row[key], dict):  # Hugging Face's rows of SQuAD, whose titles are the file's
            title = plain_title(title)
    return Question(
        id=identity,
        text=text,
        answers=tuple(answer for answer, _ in answers),
        answer_starts=tuple(start for _, start in answers),
        title=title,
        context=context,
        document="" if row.get("document") is None else text_of(row, "document", where),
    )


def _identity(row: Mapping[str, Any], where: str, default_id: str) -> str:
    value = row.get("id", default_id)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise QuestionError(f"{where}: 'id' is {kind_of(value)}, expected text or a whole number.")
    check_text(str(value), f"{where}: 'id'")
    return str(value)
