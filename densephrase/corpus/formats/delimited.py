"""Tables, csv and tsv: a header that names the columns `id`, `text` and perhaps `title`; other columns are metadata.

Both follow the quoting rules of csv (RFC 4180): a field in double quotes may hold delimiters, line ends, which are kept
as they are, and doubled quotes. Blank lines are passed over. Without `quotes` of the file, quotes are text and a row is
a line. DPR's `psgs_w100.tsv` is such a table. A tsv whose first line is a number, a tab and a text has no header: each
line is then an id and a text, and quotes are text (`collection.tsv` of MS MARCO).
"""

import csv
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from densephrase.corpus.files.records import CorpusFile, Entry, Place, Remark, attempt, make_document, no_memory
from densephrase.corpus.files.source import read_lines, too_large
from densephrase.data import Document
from densephrase.errors import CorpusError

# The csv module has one limit on field lengths for the whole process, 131,072 characters unless set. It is lifted only
# while one of our rows is parsed and then put back, under a lock, so other users of csv keep the limit that they chose.
_NO_LIMIT = 2**31 - 1
_LIMIT_LOCK = threading.Lock()
_COLLECTION_LINE = re.compile(r"\d+\t[^\t\r\n]+\r?\n?")
_IF_TEXT = "If quotes are text there, read it with the option quotes=False (--no-quotes)"


def read_csv(file: CorpusFile) -> Iterator[Entry]:
    """Yield the document, or the error, of each row; raises CorpusError if the header is wrong or reading fails."""
    return _read_table(file, _Rows(file, ","))


def read_tsv(file: CorpusFile) -> Iterator[Entry]:
    """Yield the document, or the error, of each row, and at the end a remark on those that go over several lines.

    Tables of tabs are often written without any quoting; a quote at the beginning of a field then swallows lines.
    Raises CorpusError if the header is wrong or reading fails.
    """
    if _is_collection(file):
        yield from _read_collection(file)
        return
    rows = _Rows(file, "\t")
    yield from _read_table(file, rows)
    if rows.first_long is not None:
        yield Remark(
            f"{rows.first_long}: quoted fields go over several lines, here and in {rows.long - 1} more rows of the"
            f" table. {_IF_TEXT}"
        )


class _Lines:
    """The lines of a file for the csv module; `number` is that of the last one.

    A row is cut off where it has more bytes than a document may have; the next line then begins a new one.
    """

    def __init__(self, file: CorpusFile) -> None:
        self._lines, self._limit, self._path = read_lines(file), file.document_bytes, file.path
        self.number = self._first = self._characters = 0

    def begin_row(self) -> Place:
        """Take the next line for the first one of a row."""
        self._first, self._characters = self.number + 1, 0
        return Place(self._path, self._first)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        if isinstance(line, CorpusError):
            raise line
        self._characters += len(line)
        if self._characters > self._limit:
            raise too_large(Place(self._path, self._first), "the row that begins here", self._limit)
        return line


class _Rows:
    """The rows of a table that are not blank, or their errors, with their places; `long` of them have several lines."""

    def __init__(self, file: CorpusFile, delimiter: str) -> None:
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if file.quotes else csv.QUOTE_NONE
        self._lines = _Lines(file)
        self._parser = csv.reader(self._lines, delimiter=delimiter, strict=True, quoting=quoting)
        self.long = 0
        self.first_long: Place | None = None

    def __iter__(self) -> Iterator[tuple[Place, list[str] | CorpusError]]:
        while True:
            place = self._lines.begin_row()
            try:
                row = self._next()
            except csv.Error as error:
                problem = f"broken row ({error}); close every quoted field, double the quotes inside it. {_IF_TEXT}"
                yield place, place.error(problem)
                continue
            except CorpusError as error:
                yield place, error
                continue
            except MemoryError:
                yield place, no_memory(place)
                continue
            if row is None:
                return
            if self._lines.number != place.line:
                self.long += 1
                self.first_long = self.first_long or place
            if row:
                yield place, row

    def _next(self) -> list[str] | None:
        with _LIMIT_LOCK:
            limit = csv.field_size_limit(_NO_LIMIT)
            try:
                return next(self._parser, None)
            finally:
                csv.field_size_limit(limit)


def _read_table(file: CorpusFile, table: _Rows) -> Iterator[Entry]:
    rows = iter(table)
    header = _read_header(file.path, rows)
    for place, row in rows:
        if isinstance(row, CorpusError):
            yield row
        else:
            yield attempt(place, partial(_make_document, place, header, row))


def _is_collection(file: CorpusFile) -> bool:
    """Tell a table of ids and texts without a header, as MS MARCO writes it, by its first line."""
    first = next((line for _, line in read_lines(file) if isinstance(line, CorpusError) or line.strip()), "")
    return isinstance(first, str) and _COLLECTION_LINE.fullmatch(first) is not None


def _read_collection(file: CorpusFile) -> Iterator[Entry]:
    for place, row in _Rows(replace(file, quotes=False), "\t"):
        if isinstance(row, CorpusError):
            yield row
        else:
            yield attempt(place, partial(_make_collected, place, row))


def _make_collected(place: Place, row: list[str]) -> Document:
    if len(row) != 2:
        problem = f"the row has {len(row)} fields; expected an id, a tab and a text, as in the first line"
        raise place.error(problem, row[0])
    return make_document(place, {"id": row[0], "text": row[1]})


def _read_header(path: Path, rows: Iterator[tuple[Place, list[str] | CorpusError]]) -> list[str]:
    place, row = next(rows, (Place(path, 1), []))
    if isinstance(row, CorpusError):
        raise row
    header = [name.strip() for name in row]
    if missing := [name for name in ("id", "text") if name not in header]:
        raise place.error(f"the header has no column {missing[0]!r}: {header}; expected id, text and perhaps title")
    name, count = Counter(header).most_common(1)[0]
    if count > 1:
        raise place.error(f"the header names the column {name!r} twice: {header}")
    return header


def _make_document(place: Place, header: list[str], row: list[str]) -> Document:
    if len(row) != len(header):
        position = header.index("id")
        document_id = row[position] if position < len(row) else None
        problem = f"the row has {len(row)} fields, the header {len(header)}; quote fields that hold a delimiter"
        raise place.error(problem, document_id)
    return make_document(place, dict(zip(header, row, strict=True)))


SUFFIXES = {".csv": read_csv, ".tsv": read_tsv}
