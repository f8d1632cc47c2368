"""Options of a search and of a build: which there are, and what can be told of a value from its type alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, get_args, get_origin, get_type_hints

_MOST = 2**40  # more than any index holds of anything: kernels count in 64 bits, and some counts are multiplied

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


def check_count(options: object, name: str, refusal: Refusal, may_be_open: bool = False) -> None:
    """Raise a refusal for a field that is no whole number of at least 1; too large a one becomes 2**40.

    may_be_open: whether it may be None.
    """
    value: object = getattr(options, name)
    if value is None and may_be_open:
        return
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < 1:
        raise refusal(name, value, "a whole number of at least 1")
    object.__setattr__(options, name, min(int(value), _MOST))


def check_weight(options: object, name: str, refusal: Refusal) -> None:
    """Raise a refusal for a field that is neither None nor a finite number of at least 0."""
    value: object = getattr(options, name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= as_float(value) < math.inf:
        raise refusal(name, value, "a finite number of at least 0, or None for the encoder's weight")


def as_float(value: Real) -> float:
    """Return a number as a float: infinity where it is too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


@cache
def _choices(options: type) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the fields that have choices, with these, and the switches, with none."""
    hints = get_type_hints(options).items()
    found = [(name, get_args(hint)) for name, hint in hints if get_origin(hint) is Literal]
    return *found, *((name, ()) for name, hint in hints if hint is bool)
