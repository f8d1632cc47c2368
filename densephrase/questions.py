"""Question files: SQuAD json (v1.1 and v2.0) and JSON lines, each may be gzipped."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from densephrase.data import Question
from densephrase.errors import QuestionError

_LINE_SUFFIXES = (".jsonl", ".ndjson")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_READ_ERRORS = (EOFError, gzip.BadGzipFile, zlib.error)


def read_questions(path: str | Path) -> list[Question]:
    """Read every question of a file, in file order.

    Raises `QuestionError` with the file, line and id at fault.
    """
    return list(iterate_questions(path))


def iterate_questions(path: str | Path) -> Iterator[Question]:
    """Yield the questions of SQuAD json, or of JSON lines `{question, answers: [str | {text, answer_start}]}`.

    JSON lines may also hold `id` (else the line number), `title`, `context`, `document` (the id of the one with the
    answer) and `is_impossible`; they are read one at a time. Underscores in SQuAD json's titles stand for spaces.
    Raises `QuestionError`.
    """
    path = Path(path)
    try:
        with _open(path) as file:
            yield from _read_lines(file, path) if _holds_lines(path) else _read_squad(file, path)
    except UnicodeDecodeError as error:
        raise QuestionError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except _READ_ERRORS as error:
        raise QuestionError(f"{path} is a damaged gzip file ({error}). Fetch or write it again.") from error
    except OSError as error:
        raise QuestionError(f"Cannot read the questions of {path}: {error.strerror or error}.") from error


def _open(path: Path) -> IO[str]:
    """Open a plain or gzipped UTF-8 text, with or without a byte-order mark."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


def _holds_lines(path: Path) -> bool:
    """Tell JSON lines from SQuAD json: by the suffix, else by a first line that is a whole question."""
    if Path(path.name.removesuffix(".gz")).suffix in _LINE_SUFFIXES:
        return True
    with _open(path) as file:
        first = next((line for line in file if line.strip()), "")
    try:
        row = json.loads(first)
    except ValueError:
        return False
    return isinstance(row, dict) and "question" in row


def _read_lines(file: IO[str], path: Path) -> Iterator[Question]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise QuestionError(f"{where}: not JSON ({error}). Write one JSON object a line.") from error
        yield _question(_object(row, where, "the line"), where, str(number))


def _read_squad(file: IO[str], path: Path) -> Iterator[Question]:
    try:
        content = json.load(file)
    except json.JSONDecodeError as error:
        raise QuestionError(f"{path}: neither SQuAD json nor JSON lines ({error}).") from error
    if not isinstance(content, dict) or "data" not in content:
        raise QuestionError(
            f"{path}: expected SQuAD json with a list 'data', or JSON lines with 'question' and 'answers'."
        )
    for at, article in _objects(content, "data", str(path)):
        where = f"{path}, data[{at}]"
        title = _text(article, "title", where, default="").replace("_", " ")
        for row, paragraph in _objects(article, "paragraphs", where):
            yield from _read_paragraph(paragraph, title, f"{where}.paragraphs[{row}]")


def _read_paragraph(paragraph: Mapping[str, Any], title: str, where: str) -> Iterator[Question]:
    context = _text(paragraph, "context", where)
    for number, row in _objects(paragraph, "qas", where):
        at = f"{where}.qas[{number}]"
        yield _question({**row, "title": title, "context": context}, at, at.split(", ", 1)[-1])


def _question(row: Mapping[str, Any], where: str, default_id: str) -> Question:
    identity = str(row.get("id", default_id))
    where = f"{where} (id {identity!r})"
    if row.get("regex"):
        raise QuestionError(f"{where}: answers that are regular expressions are not supported. Give plain strings.")
    text = _text(row, "question", where)
    context = None if row.get("context") is None else _text(row, "context", where)
    answers = (
        [] if row.get("is_impossible") else [_answer(entry, where, context) for entry in _list(row, "answers", where)]
    )
    return Question(
        id=identity,
        text=text,
        answers=tuple(answer for answer, _ in answers),
        answer_starts=tuple(start for _, start in answers),
        title=_text(row, "title", where, default=""),
        context=context,
        document=_text(row, "document", where, default=""),
    )


def _answer(entry: Any, where: str, context: str | None) -> tuple[str, int]:
    """Return an answer and its offset in the context, -1 where none is given."""
    if isinstance(entry, str):
        entry = {"text": entry}
    answer = _object(entry, where, "an answer")
    text = _text(answer, "text", where)
    start = answer.get("answer_start", -1)
    if not isinstance(start, int) or isinstance(start, bool):
        raise QuestionError(f"{where}: answer_start of {text!r} is {start!r}, expected a number of code points.")
    if start >= 0 and context is not None and context[start : start + len(text)] != text:
        found = context[start : start + len(text)]
        raise QuestionError(
            f"{where}: the context has {found!r} at answer_start {start}, expected {text!r}. Offsets are code points;"
            " leave answer_start out where it is not known."
        )
    return text, max(start, -1)


def _object(value: Any, where: str, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise QuestionError(f"{where}: {what} is {type(value).__name__}, expected a JSON object.")
    return value


def _objects(row: Mapping[str, Any], key: str, where: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, value in enumerate(_list(row, key, where)):
        yield number, _object(value, where, f"{key}[{number}]")


def _list(row: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = row.get(key)
    if not isinstance(value, list):
        found = "nothing" if value is None else type(value).__name__
        raise QuestionError(f"{where}: {key!r} is {found}, expected a list.")
    return value


def _text(row: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        found = "nothing" if value is None else type(value).__name__
        raise QuestionError(f"{where}: {key!r} is {found}, expected text.")
    if _SURROGATE.search(value):
        raise QuestionError(f"{where}: {key!r} holds half of a surrogate pair, which is no text. Write it as UTF-8.")
    return value
