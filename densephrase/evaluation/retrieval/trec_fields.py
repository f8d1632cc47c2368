"""Fields of TREC's files: parted by spaces and tabs, ids escaped so that they hold no white space."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from densephrase.corpus.files.records import CorpusFile, Place
from densephrase.corpus.files.source import read_lines
from densephrase.errors import CorpusError, EvaluationError
from densephrase.storage.strict_json import first_surrogate, surrogate_cause

# What Python parts words at: some of it would stay in a field of trec_eval's, all of it is escaped.
WHITE_SPACE = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
_CHARACTERS = {quote(character, safe=""): character for character in f"{WHITE_SPACE}%"}
_ESCAPE = re.compile("|".join(_CHARACTERS))
_ESCAPED = re.compile(f"[{WHITE_SPACE}]|%(?={'|'.join(code[1:] for code in _CHARACTERS)})")
_PARTED = re.compile(r"[ \t]+")


def escape_id(identity: str) -> str:
    """Return an id as one field: white space percent-encoded, as UTF-8, and so a percent sign that would be read so.

    Any other id stays as it is. Raises EvaluationError for an empty id, which no field can hold.
    """
    if not identity:
        raise EvaluationError(
            "An id is empty, which a file of TREC's cannot hold; give every question and document one."
        )
    return _ESCAPED.sub(lambda found: quote(found[0], safe=""), identity)


def unescape_id(field: str) -> str:
    """Return the id that `escape_id` made a field of."""
    return _ESCAPE.sub(lambda found: _CHARACTERS[found[0]], field)


def read_rows(path: str | Path) -> Iterator[tuple[Place, str]]:
    """Yield the lines of a file that are not blank, without their ends; UTF-8, gzipped if its name ends in `.gz`.

    Raises EvaluationError with file and line where it cannot be read or is not UTF-8.
    """
    file = CorpusFile(Path(path), Path(path).name)
    try:
        for number, line in read_lines(file):
            if isinstance(line, CorpusError):
                raise line
            place = Place(file.path, number)
            if code := first_surrogate(line):
                raise row_error(place, f"it holds U+{code:04X} ({surrogate_cause(code)}); write the file as UTF-8")
            if line.strip():
                yield place, line.rstrip("\r\n")
    except CorpusError as error:
        raise EvaluationError(str(error)) from error


def parted(row: str) -> list[str]:
    """Return the fields of a row between spaces and tabs."""
    return _PARTED.split(row.strip(" \t"))


def row_error(place: Place, problem: str) -> EvaluationError:
    """Return the error of a row that names its file and line."""
    return EvaluationError(str(place.error(problem)))


def write_rows(target: str | Path | TextIO, rows: Iterable[str]) -> None:
    """Write rows, each with its line end, to a file in UTF-8 or to an open stream."""
    if not isinstance(target, str | Path):
        target.writelines(rows)
        return
    with Path(target).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(rows)
