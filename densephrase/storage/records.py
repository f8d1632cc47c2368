"""Frozen dataclasses from JSON, strictly: every key known and present, every value of the declared type."""

from __future__ import annotations

import json
import reprlib
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from densephrase.errors import IndexFormatError

_Record = TypeVar("_Record")
_LARGEST = 2**63 - 1  # arrays hold no larger numbers


def record_from_json(kind: type[_Record], content: object, where: str) -> _Record:
    """Return the dataclass `kind` made of `content`; tuples come from lists, nested dataclasses from objects.

    Raises:
        IndexFormatError: naming `where` and the key, if one is unknown, missing or of another type.
    """
    if not isinstance(content, dict):
        raise IndexFormatError(f"{where}: expected an object, found {_describe(content)}")
    hints = get_type_hints(kind)
    declared = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(content) - set(declared))
    missing = sorted(
        name
        for name, item in declared.items()
        if name not in content and item.default is item.default_factory is MISSING
    )
    if unknown or missing:
        raise IndexFormatError(f"{where}: unknown keys {brief(unknown)}, missing keys {missing}")
    return kind(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in content.items()})


def record_to_json(record: Any) -> dict[str, Any]:
    """Return the dataclass `record` as what JSON makes of it: objects, lists, texts and numbers."""
    content: dict[str, Any] = json.loads(json.dumps(asdict(record)))
    return content


def _value(hint: Any, value: object, where: str) -> Any:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        return _value(next((part for part in parts if _is_instance(value, part)), parts[0]), value, where)
    if is_dataclass(hint):
        return record_from_json(hint, value, where)  # type: ignore[arg-type]
    if origin is tuple and isinstance(value, list):
        return tuple(_value(parts[0], item, f"{where}[{place}]") for place, item in enumerate(value))
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {key: _value(parts[1], item, f"{where}.{key}") for key, item in value.items()}
    if origin is not None or not _is_instance(value, hint):
        raise IndexFormatError(f"{where}: expected {getattr(hint, '__name__', hint)}, found {_describe(value)}")
    if isinstance(value, int) and not 0 <= value <= _LARGEST:
        raise IndexFormatError(f"{where}: expected a count, found {brief(value)}")
    return value


def _is_instance(value: object, hint: Any) -> bool:
    if is_dataclass(hint):
        return isinstance(value, dict)
    return type(value) is hint  # not isinstance: True is no count


def brief(value: object) -> str:
    """Return a value of JSON as an error shows it: however long and deep it is, 40 characters."""
    text = reprlib.repr(value)
    return text if len(text) <= 40 else text[:40] + "..."


def _describe(value: object) -> str:
    return f"{type(value).__name__} {brief(value)}"
