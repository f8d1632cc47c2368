"""Tables, csv and tsv: a header that names the columns `id`, `text` and perhaps `title`; other columns are metadata.

Both follow the quoting rules of csv (RFC 4180): a field in double quotes may hold delimiters, line ends, which are kept
as they are, and doubled quotes. Blank lines are passed over.
"""

import csv
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from densephrase.corpus.records import CorpusFile, Entry, Place, attempt, make_document
from densephrase.corpus.source import read_lines
from densephrase.data import Document
from densephrase.errors import CorpusError

# The csv module has one limit on field lengths for the whole process, 131,072 characters unless set. It is lifted only
# while one of our rows is parsed and then put back, under a lock, so other users of csv keep the limit that they chose.
_NO_LIMIT = 2**31 - 1
_LIMIT_LOCK = threading.Lock()


def read_csv(file: CorpusFile) -> Iterator[Entry]:
    """Yield the document, or the error, of each row; raises CorpusError if the header is wrong or reading fails."""
    return _read_table(file.path, ",")


def read_tsv(file: CorpusFile) -> Iterator[Entry]:
    """Yield the document, or the error, of each row; raises CorpusError if the header is wrong or reading fails."""
    return _read_table(file.path, "\t")


def _read_table(path: Path, delimiter: str) -> Iterator[Entry]:
    rows = _read_rows(path, delimiter)
    header = _read_header(path, rows)
    for place, row in rows:
        if isinstance(row, CorpusError):
            yield row
        else:
            yield attempt(place, partial(_make_document, place, header, row))


def _read_rows(path: Path, delimiter: str) -> Iterator[tuple[Place, list[str] | CorpusError]]:
    lines = (line for _, line in read_lines(path))
    parser = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        place = Place(path, parser.line_num + 1)
        try:
            row = _next_row(parser)
        except csv.Error as error:
            yield place, place.error(f"broken row ({error}); close every quoted field, double the quotes inside it")
            continue
        if row is None:
            return
        if row:
            yield place, row


def _next_row(parser: Iterator[list[str]]) -> list[str] | None:
    with _LIMIT_LOCK:
        limit = csv.field_size_limit(_NO_LIMIT)
        try:
            return next(parser, None)
        finally:
            csv.field_size_limit(limit)


def _read_header(path: Path, rows: Iterator[tuple[Place, list[str] | CorpusError]]) -> list[str]:
    place, row = next(rows, (Place(path, 1), []))
    if isinstance(row, CorpusError):
        raise row
    header = [name.strip() for name in row]
    if missing := [name for name in ("id", "text") if name not in header]:
        raise place.error(f"the header has no column {missing[0]!r}: {header}; expected id, text and perhaps title")
    if repeated := [name for name in header if header.count(name) > 1]:
        raise place.error(f"the header names the column {repeated[0]!r} twice: {header}")
    return header


def _make_document(place: Place, header: list[str], row: list[str]) -> Document:
    if len(row) != len(header):
        position = header.index("id")
        document_id = row[position] if position < len(row) else None
        problem = f"the row has {len(row)} fields, the header {len(header)}; quote fields that hold a delimiter"
        raise place.error(problem, document_id)
    return make_document(place, dict(zip(header, row, strict=True)))
