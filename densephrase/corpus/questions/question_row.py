"""A question with its reference answers, made of a JSON object as public data sets write it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from densephrase.corpus.files.articles import plain_title
from densephrase.corpus.files.records import shorten
from densephrase.corpus.questions.question_fields import check_text, key_of, kind_of, text_of
from densephrase.corpus.questions.reference_answers import ANSWER_KEYS, read_answers
from densephrase.data import Question
from densephrase.errors import QuestionError
from densephrase.metrics import compile_pattern

_QUESTION_KEYS = ("question", "input")
_BEIR_KEYS = ("_id", "text")
_ID_KEYS = ("id", "question_id")
_QUESTION = "'question' (or KILT's 'input', BEIR's '_id' and 'text')"
_ANSWERS = "a list 'answers' (or NQ-open's 'answer', KILT's 'output'; an empty one, or 'is_impossible', for no answer)"
_LONGEST_ID, _LONGEST_PATTERN = 100, 200  # characters shown
_log = logging.getLogger(__name__)


def holds_question(keys: Collection[str]) -> bool:
    """Tell whether an object with these keys is the row of a question."""
    return any(key in keys for key in _QUESTION_KEYS) or all(key in keys for key in _BEIR_KEYS)


def make_question(row: Mapping[str, Any], where: str, default_id: str) -> Question:
    """Return the question of a row; it may have `id` (else `default_id`), `title`, `context` and `is_impossible`.

    A query of BEIR, with `_id` and `text`, has no reference answers.
    `document` may be the id of the document with the answer. With `regex` the answers are regular expressions; a
    warning is logged of each that cannot be compiled. Raises QuestionError, which names the keys that were found where
    one is missing.
    """
    if not any(key in row for key in _QUESTION_KEYS) and holds_question(row):
        row = _query(row, where)
    identity = _identity(row, where, default_id)
    where = f"{where} (id {shorten(identity, _LONGEST_ID)!r})"
    key = key_of(row, _QUESTION_KEYS, _QUESTION, where)
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
    is_pattern = _is_pattern(row, [text for text, _ in answers], where)
    return Question(
        id=identity,
        text=text,
        answers=tuple(answer for answer, _ in answers),
        answer_starts=tuple(start for _, start in answers),
        title=title,
        context=context,
        document="" if row.get("document") is None else text_of(row, "document", where),
        is_pattern=is_pattern,
    )


def _is_pattern(row: Mapping[str, Any], answers: Sequence[str], where: str) -> bool:
    """Tell whether the answers are regular expressions, and warn of those that are not although they should be."""
    is_pattern = row.get("regex", False)
    if not isinstance(is_pattern, bool):
        raise QuestionError(f"{where}: 'regex' is {kind_of(is_pattern)}, expected true or false.")
    for pattern in answers if is_pattern else ():
        if compile_pattern(pattern) is None:
            shown = shorten(pattern, _LONGEST_PATTERN)
            _log.warning("%s: the answer %r is no regular expression, so that nothing matches it", where, shown)
    return is_pattern


def _query(row: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if row.get("title"):
        raise QuestionError(f"{where}: found a title, as documents of BEIR have it. Give the file of queries.")
    return {"id": row["_id"], "question": row["text"], "answers": []}


def _identity(row: Mapping[str, Any], where: str, default_id: str) -> str:
    key = next((key for key in _ID_KEYS if key in row), "id")
    value = row.get(key, default_id)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise QuestionError(f"{where}: {key!r} is {kind_of(value)}, expected text or a whole number.")
    check_text(str(value), f"{where}: {key!r}")
    return str(value)
