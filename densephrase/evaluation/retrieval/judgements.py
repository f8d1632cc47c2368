"""Judgements: which ids are relevant to a question, and how much, in the forms of TREC, BEIR and KILT."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO, TypeAlias

from densephrase.corpus.files.records import Place, shorten
from densephrase.corpus.files.source import unzipped_name
from densephrase.corpus.questions.beir import is_judgement_header, read_beir_judgements
from densephrase.corpus.retrieval.kilt import read_kilt_judgements
from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval.trec_fields import (
    escape_id,
    parted,
    read_rows,
    row_error,
    unescape_id,
    write_rows,
)

Judgements: TypeAlias = Mapping[str, Mapping[str, int]]
"""Question id -> id of a passage or document -> grade; relevant from 1 on."""

_KILT_SUFFIXES = (".jsonl", ".json")
_GRADE = re.compile(r"[+-]?[0-9]{1,9}")
_FORMS = (
    "question id, 0, document id and grade with spaces between them in each row (TREC), or first a header query-id,"
    " corpus-id and score with tabs between them (BEIR)"
)
_LONGEST = 60  # characters of a field shown


def read_judgements(path: str | Path, split: str | None = None) -> dict[str, dict[str, int]]:
    """Return the judgements of a file in the form of TREC, `qid 0 docid grade`, of BEIR or of KILT.

    BEIR's is told by its header and KILT's by the name `.jsonl` or `.json`; each may be gzipped. In TREC's form ids are
    unescaped as `write_judgements` escapes them; in the others they stand as they are.

    path: a file, or a folder in the form of BEIR.
    split: which judgements of the folder.

    Raises:
        EvaluationError: with file and line, if the file cannot be read, holds none, a row is malformed, or a pair of
            question and document is judged twice.
        QuestionError: the same in BEIR's or KILT's form.
    """
    path = Path(path)
    if path.is_dir():
        return read_beir_judgements(path, split)
    if unzipped_name(path.name).suffix in _KILT_SUFFIXES:
        return read_kilt_judgements(path)
    judged: dict[str, dict[str, int]] = {}
    for place, row in read_rows(path):
        if not judged and is_judgement_header(row):
            return read_beir_judgements(path)
        question_id, identity, grade = _judgement(place, parted(row))
        grades = judged.setdefault(question_id, {})
        if identity in grades:
            raise row_error(place, f"{identity!r} is judged twice for question {question_id!r}; leave one row out")
        grades[identity] = grade
    if not judged:
        raise EvaluationError(f"{Place(path)}: found no judgements, expected {_FORMS}")
    return judged


def _judgement(place: Place, fields: list[str]) -> tuple[str, str, int]:
    if len(fields) != 4:
        raise row_error(place, f"found {len(fields)} fields, expected {_FORMS}")
    if not _GRADE.fullmatch(fields[3]):
        raise row_error(place, f"found the grade {shorten(fields[3], _LONGEST)!r}, expected a whole number")
    return unescape_id(fields[0]), unescape_id(fields[2]), int(fields[3])


def write_judgements(target: str | Path | TextIO, judgements: Judgements) -> None:
    """Write judgements to a file or an open stream in TREC's form, `qid 0 docid grade`.

    Raises:
        EvaluationError: if an id is empty.
    """
    rows = (
        f"{escape_id(question_id)} 0 {escape_id(identity)} {grade}\n"
        for question_id, grades in judgements.items()
        for identity, grade in grades.items()
    )
    write_rows(target, rows)
