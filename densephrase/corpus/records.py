"""What every reader hands on: documents and errors, each with the place in the corpus where it was found."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from densephrase.data import Document
from densephrase.errors import CorpusError


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of the corpus and its name there: the posix path below the corpus folder, or the bare file name."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file (counted from 1, ending at each line feed), or the whole file where `line` is None."""

    path: Path
    line: int | None = None

    def error(self, problem: str, document_id: str | None = None) -> CorpusError:
        """Return an error that names the file and, where known, the line and the document's id."""
        where = str(self.path).encode("utf-8", "backslashreplace").decode("utf-8")
        line = "" if self.line is None else f", line {self.line}"
        name = "" if document_id is None else f", id {document_id!r}"
        return CorpusError(f"{where}{line}{name}: {problem}")


@dataclass(frozen=True, slots=True)
class Found:
    """A document and the place where it begins."""

    place: Place
    document: Document


Entry: TypeAlias = Found | CorpusError


def attempt(place: Place, make: Callable[[], Document]) -> Entry:
    """Return the document that `make` gives, or the corpus error that it raises, so that reading can go on."""
    try:
        return Found(place, make())
    except CorpusError as error:
        return error
    except RecursionError:
        return place.error("the JSON value is nested too deeply")


def make_document(place: Place, fields: Mapping[str, Any]) -> Document:
    """Check a record's `id`, `text` and `title` (may be missing or null); all further fields become metadata.

    Raises CorpusError for a missing or wrong field, an empty text, or what UTF-8 cannot store.
    """
    document_id = _identifier(place, fields)
    text = _string(place, document_id, fields, "text")
    if not text.strip():
        raise place.error("the text is empty; every document needs some, so fill it in or drop the record", document_id)
    title = "" if fields.get("title") is None else _string(place, document_id, fields, "title")
    metadata = {name: value for name, value in fields.items() if name not in ("id", "text", "title")}
    if metadata:
        _check_storable(place, document_id, "its metadata", json.dumps(metadata, ensure_ascii=False))
    return Document(document_id, text, title, metadata)


def _identifier(place: Place, fields: Mapping[str, Any]) -> str:
    value = _present(place, None, fields, "id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise place.error(f"field 'id' is {_kind(value)}; expected a string or an integer")
    document_id = str(value)
    if not document_id.strip():
        raise place.error("field 'id' is empty; every document needs an id of its own")
    _check_storable(place, document_id, "field 'id'", document_id)
    return document_id


def _string(place: Place, document_id: str, fields: Mapping[str, Any], name: str) -> str:
    value = _present(place, document_id, fields, name)
    if not isinstance(value, str):
        raise place.error(f"field {name!r} is {_kind(value)}; expected a string", document_id)
    _check_storable(place, document_id, f"field {name!r}", value)
    return value


def _present(place: Place, document_id: str | None, fields: Mapping[str, Any], name: str) -> object:
    if name not in fields:
        raise place.error(f"field {name!r} is missing; the record has {sorted(fields)}", document_id)
    return fields[name]


def _check_storable(place: Place, document_id: str, what: str, value: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(value[error.start])
        cause = "half of a surrogate pair, which UTF-8 cannot store"
        if 0xDC80 <= code <= 0xDCFF:  # where the decoder puts bytes that are not UTF-8
            cause = f"the byte 0x{code - 0xDC00:02X}, which is not UTF-8 here, or {cause}"
        raise place.error(f"{what} holds U+{code:04X} ({cause}); write the file as UTF-8", document_id) from error


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return "null" if value is None else names.get(type(value), "a string")
