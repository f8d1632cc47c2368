"""BEIR's judgements, `qrels/<split>.tsv`: which documents answer which queries; and the queries that a split judges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from densephrase.corpus.files.beir_folder import BeirFolder
from densephrase.corpus.files.records import CorpusFile, Place, shorten
from densephrase.corpus.files.source import read_lines
from densephrase.corpus.questions.json_rows import read_json_lines
from densephrase.corpus.questions.question_fields import check_text
from densephrase.data import Question
from densephrase.errors import CorpusError, QuestionError

_HEADER = ["query-id", "corpus-id", "score"]
_EXPECTED = "expected an id of a query, an id of a document and a whole number with tabs between them"
_GRADE = re.compile(r"\s*-?[0-9]{1,9}\s*")
_LONGEST = 100  # characters shown


def is_judgement_header(line: str) -> bool:
    """Tell whether a line is the header of BEIR's judgements."""
    return [name.strip() for name in line.split("\t")] == _HEADER


def read_beir_judgements(path: str | Path, split: str | None = None) -> dict[str, dict[str, int]]:
    """Read judgements: for each query, in file order, the grades of documents by their ids.

    path: a folder in the form of BEIR, or one of its files `qrels/<split>.tsv`.
    split: which judgements of the folder, as `test`; it may be left out where there is one alone.

    Raises QuestionError with the file and line at fault.
    """
    try:
        file = _judgements_file(Path(path), split)
        return _read_judgements(CorpusFile(file, file.name))
    except CorpusError as error:
        raise QuestionError(str(error)) from error


def read_judged_queries(file: CorpusFile) -> Iterator[Question]:
    """Yield the queries that a file of judgements is about, in the order of `queries.jsonl` above its folder.

    Raises QuestionError where one of them is not there, or there twice.
    """
    folder = BeirFolder(file.path.absolute().parent.parent)
    queries = folder.queries
    if queries is None:
        raise QuestionError(
            f"{Place(file.path)}: its queries are missing; expected {Place(folder.path / 'queries.jsonl')}."
        )
    waiting = dict.fromkeys(_read_judgements(file), True)
    for question in read_json_lines(CorpusFile(queries, queries.name, file.document_bytes)):
        if question.id in waiting:
            if not waiting[question.id]:
                raise QuestionError(f"{Place(queries)}: the query {_show(question.id)} stands there twice.")
            waiting[question.id] = False
            yield question
    missing = [query for query, is_missing in waiting.items() if is_missing]
    if missing:
        raise QuestionError(
            f"{Place(file.path)}: judges {len(missing)} queries, such as {_show(missing[0])}, that {Place(queries)} "
            "lacks. Give judgements and queries of one data set."
        )


def _judgements_file(path: Path, split: str | None) -> Path:
    if not path.is_dir():
        return path
    judgements = BeirFolder(path).judgements
    if not judgements:
        raise QuestionError(f"{Place(path)}: holds no judgements; expected files qrels/<split>.tsv.")
    splits = ", ".join(judgements)
    if split is None:
        if len(judgements) > 1:
            raise QuestionError(f"{Place(path)}: holds the judgements of {splits}. Say which split is meant.")
        return next(iter(judgements.values()))
    if split not in judgements:
        raise QuestionError(f"{Place(path)}: found no judgements of the split {split!r}, but those of {splits}.")
    return judgements[split]


def _read_judgements(file: CorpusFile) -> dict[str, dict[str, int]]:
    judgements: dict[str, dict[str, int]] = {}
    rows = _rows(file)
    place, header = next(rows, (Place(file.path, 1), ""))
    if not is_judgement_header(header):
        raise QuestionError(
            f"{place}: found {_show(header)}, expected the header query-id, corpus-id and score with tabs between them."
        )
    for place, line in rows:
        query, document, grade = _judgement(line, place)
        grades = judgements.setdefault(query, {})
        if grades.setdefault(document, grade) != grade:
            problem = f"the document {_show(document)} has the grades {grades[document]} and {grade}"
            raise QuestionError(f"{place}: {problem} for the query {_show(query)}. Keep one.")
    return judgements


def _rows(file: CorpusFile) -> Iterator[tuple[Place, str]]:
    for number, line in read_lines(file):
        if isinstance(line, CorpusError):
            raise line
        if line.strip():
            yield Place(file.path, number), line.rstrip("\r\n")


def _judgement(line: str, place: Place) -> tuple[str, str, int]:
    fields = line.split("\t")
    if len(fields) != len(_HEADER) or not all(field.strip() for field in fields):
        raise QuestionError(f"{place}: found {_show(line)}; {_EXPECTED}.")
    query, document, grade = fields
    check_text(query + document, f"{place}: an id")
    if not _GRADE.fullmatch(grade):
        raise QuestionError(f"{place}: found {_show(grade)} as the grade; {_EXPECTED}.")
    return query, document, int(grade)


def _show(text: str) -> str:
    return repr(shorten(text, _LONGEST))
