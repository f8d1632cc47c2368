"""Strict JSON: what its standard has, so neither NaN nor Infinity; how deep it is, and what of it is no text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):  # it would be written as Infinity
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return content


DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)
_UNIQUE = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_once)


def decode_json(stored: bytes | str, *, unique_keys: bool = False) -> Any:
    """Return the JSON value that a text, or its bytes in UTF-8, -16 or -32, is.

    unique_keys: refuse an object that says a thing twice, which two programs could read differently; otherwise the last
        one counts.

    Raises:
        ValueError: if it is no JSON.
        RecursionError: if it is nested deeper than Python goes.
    """
    text = stored if isinstance(stored, str) else stored.decode(json.detect_encoding(stored), "surrogatepass")
    return (_UNIQUE if unique_keys else DECODER).decode(text)


def walk_containers(value: object, name: str = "") -> Iterator[tuple[str, dict[str, Any] | list[Any], int]]:
    """Yield the objects and lists of a JSON value, one before those inside it, with its name and depth, from 1 on.

    The name is the key that it stands under, perhaps in lists; `name` where it stands under none.
    """
    waiting = [(name, value, 1)]
    while waiting:
        name, container, depth = waiting.pop()
        if isinstance(container, dict):
            yield name, container, depth
            waiting += [(str(key), item, depth + 1) for key, item in container.items() if _holds(item)]
        elif isinstance(container, list):
            yield name, container, depth
            waiting += [(name, item, depth + 1) for item in container if _holds(item)]


def _holds(item: object) -> bool:
    return isinstance(item, dict | list)


def is_deeper(value: object, levels: int) -> bool:
    """Tell whether objects and lists lie more than so many deep in each other."""
    return any(depth > levels for _, _, depth in walk_containers(value))


def first_surrogate(text: str) -> int | None:
    """Return the code of the first half of a surrogate pair, which JSON can hold and UTF-8 cannot; None for none."""
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return ord(text[error.start])
    return None


def surrogate_cause(code: int) -> str:
    """Return how half of a surrogate pair comes into the text of a file that is decoded with `surrogateescape`."""
    half = "half of a surrogate pair, which UTF-8 cannot store"
    if 0xDC80 <= code <= 0xDCFF:  # where the decoder puts bytes that are not UTF-8
        return f"the byte 0x{code - 0xDC00:02X}, which is not UTF-8 here, or {half}"
    return half
