"""KILT's provenance: the pages of Wikipedia that an answer was drawn from, as judgements of documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from densephrase.corpus.files.records import DOCUMENT_BYTES
from densephrase.corpus.questions.json_rows import iterate_json_rows
from densephrase.corpus.questions.question_fields import check_text, kind_of, objects_of
from densephrase.corpus.questions.question_row import make_question
from densephrase.errors import QuestionError

_OUTPUT, _PROVENANCE, _PAGE = "output", "provenance", "wikipedia_id"


def read_kilt_judgements(path: str | Path, *, document_bytes: int = DOCUMENT_BYTES) -> dict[str, dict[str, int]]:
    """Return for each question of KILT, in file order, the ids of its pages, each with the grade 1.

    Pages of all outputs count (Petroni et al. 2021, section 4); a question without any is left out.

    Raises QuestionError with the file, line and id at fault, also for an id that stands there twice.
    """
    judgements: dict[str, dict[str, int]] = {}
    for row in iterate_json_rows(path, document_bytes):
        question = make_question(row.fields, row.where, row.number)
        if pages := dict.fromkeys(_pages(row.fields, row.where), 1):
            if question.id in judgements:
                raise QuestionError(f"{row.where}: the id {question.id!r} stands there twice. Give each its own.")
            judgements[question.id] = pages
    return judgements


def _pages(fields: Mapping[str, Any], where: str) -> Iterator[str]:
    for number, output in objects_of(fields, _OUTPUT, where):
        if output.get(_PROVENANCE) is None:  # an annotator's answer without its source
            continue
        within = f"{where}, {_OUTPUT}[{number}]"
        for position, place in objects_of(output, _PROVENANCE, within):
            page, at = place.get(_PAGE), f"{within}.{_PROVENANCE}[{position}]"
            if isinstance(page, bool) or not isinstance(page, str | int):
                raise QuestionError(f"{at}: {_PAGE!r} is {kind_of(page)}, expected text or a whole number.")
            check_text(str(page), f"{at}: {_PAGE!r}")
            yield str(page)
