"""Rows of JSON: an object a line (Hugging Face, NQ-open, KILT), or a list of objects (DPR)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from densephrase.corpus.files.json_cursor import JsonCursor
from densephrase.corpus.files.records import CorpusFile, Place
from densephrase.corpus.files.source import read_lines
from densephrase.corpus.questions.question_fields import as_object
from densephrase.corpus.questions.question_row import make_question
from densephrase.data import Question
from densephrase.errors import CorpusError, QuestionError
from densephrase.storage.strict_json import DECODER


class JsonRow(NamedTuple):
    """An object of a file, where it stands, and its number: that of its line, from 1, or in its list, from 0."""

    where: str
    number: str
    fields: Mapping[str, Any]


def read_json_lines(file: CorpusFile) -> Iterator[Question]:
    """Yield the question of each line that is not blank; its number is the id where none is given."""
    return (make_question(row.fields, row.where, row.number) for row in _walk_lines(file))


def read_json_list(file: CorpusFile) -> Iterator[Question]:
    """Yield the question of each object in a list; its place there is the id where none is given."""
    return (make_question(row.fields, row.where, row.number) for row in _walk_list(file))


def iterate_json_rows(path: str | Path, document_bytes: int) -> Iterator[JsonRow]:
    """Yield the objects of a list or of lines, read one of at most `document_bytes` bytes at a time.

    Raises QuestionError with the file and line at fault.
    """
    file = CorpusFile(Path(path), Path(path).name, document_bytes)
    try:
        yield from _walk_list(file) if JsonCursor(file).peek() == "[" else _walk_lines(file)
    except CorpusError as error:
        raise QuestionError(str(error)) from error
    except MemoryError as error:
        raise QuestionError(f"{Place(file.path)}: a row does not fit into memory. Divide it.") from error


def _walk_lines(file: CorpusFile) -> Iterator[JsonRow]:
    for number, line in read_lines(file):
        if isinstance(line, CorpusError):
            raise line
        if line.strip():
            where = str(Place(file.path, number))
            yield JsonRow(where, str(number), as_object(_decode(line, where), where, "the line"))


def _walk_list(file: CorpusFile) -> Iterator[JsonRow]:
    cursor = JsonCursor(file)
    for number, (place, row) in enumerate(cursor.walk_array()):
        where = f"{place}, [{number}]"
        yield JsonRow(where, str(number), as_object(row, where, "the entry"))
    cursor.take("")


def _decode(line: str, where: str) -> object:
    try:
        return DECODER.decode(line)
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at character {error.pos + 1}"
    except RecursionError:
        problem = "it is nested too deeply"
    except ValueError as error:
        problem = str(error)
    raise QuestionError(f"{where}: not JSON ({problem}). Write one JSON object a line.")
