"""Checks of questions: strings that hold something and that can be written as UTF-8."""

from __future__ import annotations

from collections.abc import Sequence

from densephrase.errors import SearchError
from densephrase.storage.strict_json import first_surrogate

_SHOWN = 80  # characters of a question in an error


def check_questions(asked: object) -> list[str]:
    """Return a question as a list of one, and questions as a list.

    Raises:
        SearchError: naming the first that is no string, is empty, or holds half of a surrogate pair.
    """
    if isinstance(asked, str):
        _check(asked, "Question")
        return [asked]
    if not isinstance(asked, Sequence) or isinstance(asked, bytes | bytearray | memoryview):
        raise SearchError(f"Question is {_shortened(asked)}; expected a string or a sequence of strings.")
    for number, text in enumerate(asked):
        if not isinstance(text, str):
            raise SearchError(f"Question {number} is {_shortened(text)}; expected a string.")
        _check(text, f"Question {number}")
    return list(asked)


def _check(text: str, name: str) -> None:
    if not text.strip():
        raise SearchError(f"{name} is empty ({_shortened(text)}); ask something.")
    if code := first_surrogate(text):
        raise SearchError(
            f"{name} is {_shortened(text)}, which holds U+{code:04X}, half of a surrogate pair; expected text that "
            "UTF-8 can hold. Decode what it was read from as UTF-8."
        )


def _shortened(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
