"""Reference answers in the forms of public data sets; an empty string is no answer, as SQuAD v2.0's converters mean it.

`answers` is a list of texts or of `{text, answer_start}`, or one object of both as lists (Hugging Face); `answer` is
the same, a single text (NQ-open), or an object of a `value` and its `aliases` (TriviaQA); `output` is a list of
`{answer}` beside what else an annotator left (KILT).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from densephrase.corpus.questions.question_fields import as_object, kind_of, list_of, objects_of, text_of
from densephrase.errors import QuestionError

ANSWER_KEYS = ("answers", "answer", "output")


def read_answers(row: Mapping[str, Any], key: str, where: str, context: str | None) -> list[tuple[str, int]]:
    """Return the answers that stand under one of the keys, with their offsets in the context, -1 where none is given.

    Raises QuestionError for what is none of the forms, and for an offset at which the context holds something else.
    """
    found = (_answer(entry, where, context) for entry in _entries(row, key, where))
    return [(text, start) for text, start in found if text.strip()]


def _entries(row: Mapping[str, Any], key: str, where: str) -> Iterator[Any]:
    value = row[key]
    if key == "output":
        entries = (entry for _, entry in objects_of(row, key, where))
        texts = [text_of(entry, "answer", where) for entry in entries if entry.get("answer") is not None]
        return iter(dict.fromkeys(texts))  # KILT repeats an answer for every page that says it
    if key == "answer" and isinstance(value, str):
        return iter([value])
    if key == "answer" and isinstance(value, dict) and "value" in value:
        return _with_aliases(value, f"{where}, {key!r}")
    if isinstance(value, dict) and "text" in value:
        return _columns(value, f"{where}, {key!r}")
    if isinstance(value, list):
        return iter(value)
    raise QuestionError(
        f"{where}: {key!r} is {kind_of(value)}, expected a list of texts or of objects with 'text' and 'answer_start',"
        " or one object with both as lists."
    )


def _with_aliases(value: Mapping[str, Any], where: str) -> Iterator[Any]:
    text = text_of(value, "value", where)
    aliases = [] if value.get("aliases") is None else list_of(value, "aliases", where)
    return iter([text, *(alias for alias in aliases if alias != text)])


def _columns(value: Mapping[str, Any], where: str) -> Iterator[Any]:
    """Yield the objects that lie in columns."""
    texts = list_of(value, "text", where)
    starts = [-1] * len(texts) if value.get("answer_start") is None else list_of(value, "answer_start", where)
    if len(starts) != len(texts):
        raise QuestionError(
            f"{where}: 'text' has {len(texts)} entries, 'answer_start' {len(starts)}; expected as many."
        )
    return ({"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True))


def _answer(entry: Any, where: str, context: str | None) -> tuple[str, int]:
    if isinstance(entry, str):
        entry = {"text": entry}
    answer = as_object(entry, where, "an answer")
    text = text_of(answer, "text", where)
    start = answer.get("answer_start", -1)
    if not isinstance(start, int) or isinstance(start, bool):
        raise QuestionError(f"{where}: answer_start of {text!r} is {start!r}, expected a number of code points.")
    if start >= 0 and context is not None and context[start : start + len(text)] != text:
        found = context[start : start + len(text)]
        raise QuestionError(
            f"{where}: the context has {found!r} at answer_start {start}, expected {text!r}. Offsets are code points;"
            " leave answer_start out where it is not known."
        )
    return text, max(start, -1)
