"""Passages beside a question, DPR's `ctxs`: objects with a title, a text and an id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from densephrase.corpus.questions.question_fields import check_text, kind_of, objects_of, text_of
from densephrase.errors import QuestionError

_ID_KEYS = ("id", "passage_id", "psg_id")


@dataclass(frozen=True, slots=True)
class ContextPassage:
    """A passage with its own title and, where known, its id."""

    title: str
    text: str
    id: str = ""


class ContextRow(NamedTuple):
    """A passage, the object that it was made of, and where that stands."""

    passage: ContextPassage
    fields: Mapping[str, Any]
    where: str


def read_contexts(row: Mapping[str, Any], key: str, where: str) -> Iterator[ContextRow]:
    """Yield the passages of a list; none where it is missing or null. Raises QuestionError for what is no passage."""
    if row.get(key) is None:
        return
    for number, fields in objects_of(row, key, where):
        within = f"{where}, {key}[{number}]"
        title = "" if fields.get("title") is None else text_of(fields, "title", within)
        passage = ContextPassage(title, text_of(fields, "text", within), _identity(fields, within))
        yield ContextRow(passage, fields, within)


def _identity(fields: Mapping[str, Any], where: str) -> str:
    key = next((key for key in _ID_KEYS if fields.get(key) is not None), None)
    if key is None:
        return ""
    value = fields[key]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise QuestionError(f"{where}: {key!r} is {kind_of(value)}, expected text or a whole number.")
    check_text(str(value), f"{where}: {key!r}")
    return str(value)
