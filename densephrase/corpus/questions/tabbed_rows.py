"""Lines with a tab: a question and a Python list of its answers (DPR), or a number and a query (MS MARCO)."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from densephrase.corpus.files.records import CorpusFile, Place
from densephrase.corpus.files.source import read_lines
from densephrase.corpus.questions.question_row import make_question
from densephrase.data import Question
from densephrase.errors import CorpusError, QuestionError

# A string of Python between single or double quotes. The list is read by these alone, never by running or parsing it.
_STRING = r"""(?:'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+")"""
_LIST = re.compile(rf"\s*+[\[(]\s*+(?:{_STRING}\s*+(?:,\s*+{_STRING}\s*+)*+,?\s*+)?[\])]\s*+")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
_NUMBERED = re.compile(r"(\d+)\t([^\t]*)")
_HEADERS = {"answer", "answers"}


def read_tabbed_questions(file: CorpusFile) -> Iterator[Question]:
    """Yield the question of each line that is not blank; its number is the id. A header may stand above."""
    for number, line in read_lines(file):
        if isinstance(line, CorpusError):
            raise line
        if not line.strip():
            continue
        where = str(Place(file.path, number))
        question, answers = _fields(line.rstrip("\r\n"), where)
        if number == 1 and answers.strip().lower() in _HEADERS:
            continue
        if not _LIST.fullmatch(answers):
            raise QuestionError(f"{where}: found {answers[:40]!r} behind the tab, expected a list like ['one', 'two'].")
        found = [_unescape(text[1:-1]) for text in re.findall(_STRING, answers)]
        yield make_question({"question": question, "answers": found}, where, str(number))


def is_numbered_query(line: str) -> bool:
    """Tell whether a line is a number, a tab and a query, rather than a list of answers."""
    match = _NUMBERED.fullmatch(line)
    return match is not None and not _LIST.fullmatch(match[2])


def read_numbered_queries(file: CorpusFile) -> Iterator[Question]:
    """Yield the query of each line that is not blank; they have no reference answers."""
    for number, line in read_lines(file):
        if isinstance(line, CorpusError):
            raise line
        if not line.strip():
            continue
        where = str(Place(file.path, number))
        line = line.rstrip("\r\n")
        match = _NUMBERED.fullmatch(line)
        if match is None:
            raise QuestionError(f"{where}: found {line[:40]!r}, expected a number, a tab and a query.")
        yield make_question({"id": match[1], "question": match[2], "answers": []}, where, match[1])


def _fields(line: str, where: str) -> tuple[str, str]:
    """Return both fields; they are quoted as csv has it where that gives two, else as they stand."""
    for fields in (_unquoted(line), line.split("\t")):
        if len(fields) == 2:
            return fields[0], fields[1]
    raise QuestionError(f"{where}: found {line.count(chr(9))} tabs, expected a question, a tab and a list of answers.")


def _unquoted(line: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter="\t", strict=True), [])
    except csv.Error:  # the quotes are text, or the field is longer than the csv module takes
        return []


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    code = escape[1]
    if len(code) == 1:
        return _NAMED.get(code, escape[0])
    value = int(code[1:], 16)
    return chr(value) if value <= 0x10FFFF else escape[0]
