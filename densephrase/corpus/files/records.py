"""Records that every reader yields: documents, errors and remarks, each with its place in the corpus."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from densephrase.data import Document
from densephrase.errors import CorpusError
from densephrase.storage.strict_json import first_surrogate, is_deeper, surrogate_cause

DOCUMENT_BYTES = 100_000_000  # that a document may have unless more are asked for
_LONGEST_PROBLEM, _LONGEST_ID = 1_000, 100  # characters shown
_DEEPEST = 100  # levels of metadata; whoever reads them back may have used up some of Python's thousand


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of the corpus and its name there: the posix path below the corpus folder, or the bare file name.

    `document_bytes` is how many bytes one record of it may have in UTF-8, `quotes` whether tables have quoted fields.
    """

    path: Path
    name: str
    document_bytes: int = DOCUMENT_BYTES
    quotes: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file (counted from 1, ending at each line feed), or the whole file where `line` is None."""

    path: Path
    line: int | None = None

    def error(self, problem: str, document_id: str | None = None) -> CorpusError:
        """Return an error that names the file and, where known, the line and the document's id."""
        name = "" if document_id is None else f", id {shorten(document_id, _LONGEST_ID)!r}"
        return CorpusError(f"{self}{name}: {shorten(problem, _LONGEST_PROBLEM)}")

    def __str__(self) -> str:
        where = str(self.path).encode("utf-8", "backslashreplace").decode("utf-8")
        return where if self.line is None else f"{where}, line {self.line}"


@dataclass(frozen=True, slots=True)
class Found:
    """A document and the place where it begins."""

    place: Place
    document: Document


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody should know about a file that could be read."""

    text: str


Entry: TypeAlias = Found | CorpusError | Remark


def attempt(place: Place, make: Callable[[], Document]) -> Entry:
    """Return the document that `make` gives, or the corpus error that it raises, so that reading can go on."""
    try:
        return Found(place, make())
    except CorpusError as error:
        return error
    except RecursionError:
        return place.error("the JSON value is nested too deeply")
    except MemoryError:
        return no_memory(place)


def no_memory(place: Place) -> CorpusError:
    """Return the error of a record that is allowed to be so large, but not on this machine."""
    return place.error("what stands here does not fit into memory; divide it, or set a lower document_bytes")


def file_id(file: CorpusFile) -> str:
    """Return the name of a file that is one document as its id; raises CorpusError if the name is no text."""
    if first_surrogate(file.name):
        raise Place(file.path).error("the file's name, which would be the document's id, is not UTF-8; rename the file")
    return file.name


def shorten(text: str, longest: int) -> str:
    """Cut a text in its middle, so that nothing in a corpus makes an error as large as itself."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]} \u2026 {text[-half:]}"


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
        _check_depth(place, document_id, metadata)
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


def _check_depth(place: Place, document_id: str, metadata: Mapping[str, Any]) -> None:
    if is_deeper(metadata, _DEEPEST):
        raise place.error(f"the metadata is nested more than {_DEEPEST} levels deep", document_id)


def _check_storable(place: Place, document_id: str, what: str, value: str) -> None:
    if code := first_surrogate(value):
        problem = f"{what} holds U+{code:04X} ({surrogate_cause(code)}); write the file as UTF-8"
        raise place.error(problem, document_id)


def _kind(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return "null" if value is None else names.get(type(value), "a string")
