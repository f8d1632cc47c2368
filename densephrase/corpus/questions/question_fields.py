"""Fields of a JSON object in a question file, each of its kind or an error that says where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from densephrase.corpus.files.records import shorten
from densephrase.errors import QuestionError
from densephrase.storage.strict_json import first_surrogate, surrogate_cause

_LONGEST_KEYS = 300  # characters shown


def key_of(row: Mapping[str, Any], known: Sequence[str], expected: str, where: str) -> str:
    """Return the first of the known keys that a row has; QuestionError names those that it has instead."""
    for key in known:
        if row.get(key) is not None:
            return key
    keys = shorten(", ".join(map(repr, row)), _LONGEST_KEYS)
    raise QuestionError(f"{where}: {known[0]!r} is nothing; found the keys {keys or 'none'}, expected {expected}.")


def text_of(row: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    """Return a text that UTF-8 can store."""
    value = row.get(key, default)
    if not isinstance(value, str):
        raise QuestionError(f"{where}: {key!r} is {kind_of(value)}, expected text.")
    check_text(value, f"{where}: {key!r}")
    return value


def check_text(text: str, what: str) -> None:
    """Raise QuestionError for a text that UTF-8 cannot store."""
    if code := first_surrogate(text):
        raise QuestionError(f"{what} holds U+{code:04X} ({surrogate_cause(code)}). Write it as UTF-8.")


def list_of(row: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """Return a list."""
    value = row.get(key)
    if not isinstance(value, list):
        raise QuestionError(f"{where}: {key!r} is {kind_of(value)}, expected a list.")
    return value


def objects_of(row: Mapping[str, Any], key: str, where: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of a list with their numbers."""
    for number, value in enumerate(list_of(row, key, where)):
        yield number, as_object(value, where, f"{key}[{number}]")


def as_object(value: Any, where: str, what: str) -> Mapping[str, Any]:
    """Return a value that must be an object."""
    if not isinstance(value, dict):
        raise QuestionError(f"{where}: {what} is {kind_of(value)}, expected a JSON object.")
    return value


def kind_of(value: Any) -> str:
    """Return what a message calls the kind of a value."""
    return "nothing" if value is None else type(value).__name__
