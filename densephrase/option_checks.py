"""Options of a search and of a build: which there are, and what can be told of a value from its type alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

Refusal = Callable[[str, object, str], Exception]
"""Makes the error for an option's name, the value found, and what is expected."""


def unknown_option(options: type, given: Mapping[str, object]) -> tuple[str, str] | None:
    """Return the first name that is no field of the dataclass, and the names that are; None where all are known."""
    known = [field.name for field in fields(options)]
    unknown = next((name for name in given if name not in known), None)
    return None if unknown is None else (unknown, ", ".join(known))


def check_choices(options: object, refusal: Refusal) -> None:
    """Raise a refusal for a field that is none of the choices of its `Literal`, or a switch that is no bool."""
    kind: Any = type(options)  # mypy takes no type for hashable
    for name, choices in _choices(kind):
        value = getattr(options, name)
        if choices and value not in choices:
            raise refusal(name, value, "one of " + ", ".join(map(repr, choices)))
        if not choices and not isinstance(value, bool):
            raise refusal(name, value, "True or False")


@cache
def _choices(options: type) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the fields that have choices, with these, and the switches, with none."""
    hints = get_type_hints(options).items()
    found = [(name, get_args(hint)) for name, hint in hints if get_origin(hint) is Literal]
    return *found, *((name, ()) for name, hint in hints if hint is bool)
