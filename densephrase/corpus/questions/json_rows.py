"""Rows of JSON: an object a line (Hugging Face, NQ-open, KILT), or a list of objects (DPR)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from densephrase.corpus.files.json_cursor import JsonCursor
from densephrase.corpus.files.records import CorpusFile, Place
from densephrase.corpus.files.source import read_lines
from densephrase.corpus.questions.question_fields import as_object
from densephrase.corpus.questions.question_row import make_question
from densephrase.data import Question
from densephrase.errors import CorpusError, QuestionError
from densephrase.storage.strict_json import DECODER


def read_json_lines(file: CorpusFile) -> Iterator[Question]:
    """Yield the question of each line that is not blank; its number is the id where none is given."""
    for number, line in read_lines(file):
        if isinstance(line, CorpusError):
            raise line
        if line.strip():
            where = str(Place(file.path, number))
            yield make_question(as_object(_decode(line, where), where, "the line"), where, str(number))


def read_json_list(file: CorpusFile) -> Iterator[Question]:
    """Yield the question of each object in a list; its place there is the id where none is given."""
    cursor = JsonCursor(file)
    for number, (place, row) in enumerate(cursor.walk_array()):
        where = f"{place}, [{number}]"
        yield make_question(as_object(row, where, "the entry"), where, str(number))
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
