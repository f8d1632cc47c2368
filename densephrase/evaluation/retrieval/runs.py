"""Runs: the ranked ids of each question in TREC's form, with scores that no evaluation sorts otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO, TypeAlias

import numpy as np

from densephrase.corpus.files.records import shorten
from densephrase.data import Passage
from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval.trec_fields import (
    escape_id,
    parted,
    read_rows,
    row_error,
    unescape_id,
    write_rows,
)
from densephrase.retrieve.retriever import RankedUnit

Ranking: TypeAlias = Sequence[tuple[str, float]]
"""Ids with their scores, best first."""

_ROW = "question id, Q0, document id, rank, score and tag"
_LONGEST = 60  # characters of a field shown


def ranking_of(passages: Sequence[Passage], unit: RankedUnit = "passage") -> list[tuple[str, float]]:
    """Return the ids and scores of ranked passages, or of their documents, each once, at its best passage."""
    if unit == "passage":
        return [(passage.id, passage.score) for passage in passages]
    best: dict[str, float] = {}
    for passage in passages:
        best.setdefault(passage.document.id, passage.score)
    return list(best.items())


def falling_scores(scores: Sequence[float]) -> list[float]:
    """Return ranked scores as strictly decreasing float32: those that are equal, or rounded so, fall by one step each.

    trec_eval sorts by score, in float32, and ties by id, whatever the rank is.

    Raises:
        EvaluationError: if a score is not finite in float32, or greater than the one before.
    """
    falling: list[float] = []
    before, limit = math.inf, np.float32(np.inf)
    for rank, score in enumerate(scores, 1):
        if not score <= before:
            raise EvaluationError(f"The score at rank {rank} is {score}, after {before}; expected the best first.")
        with np.errstate(over="ignore"):
            rounded = np.float32(score)
            limit = min(rounded, np.nextafter(limit, np.float32(-np.inf)))
        if not (np.isfinite(rounded) and np.isfinite(limit)):
            raise EvaluationError(f"The score at rank {rank} is {score}, which is no finite number of 32 bits.")
        falling.append(float(limit))
        before = score
    return falling


def run_rows(question_id: str, ranking: Ranking, tag: str) -> Iterator[str]:
    """Yield the rows of one question, each with its line end: `qid Q0 docid rank score tag`.

    Raises:
        EvaluationError: if an id stands twice or is empty, or the scores are not those of a ranking.
    """
    question, tag = escape_id(question_id), escape_id(tag)
    ids = [identity for identity, _ in ranking]
    if len(set(ids)) < len(ids):
        twice = next(identity for identity in ids if ids.count(identity) > 1)
        raise EvaluationError(
            f"Question {question_id!r}: {twice!r} stands twice in its ranking; expected each id once."
        )
    try:
        scores = falling_scores([score for _, score in ranking])
    except EvaluationError as error:
        raise EvaluationError(f"Question {question_id!r}: {error}") from error
    for rank, (identity, score) in enumerate(zip(ids, scores, strict=True), 1):
        yield f"{question} Q0 {escape_id(identity)} {rank} {score:.9g} {tag}\n"  # nine digits tell all float32 apart


def write_run(target: str | Path | TextIO, rankings: Iterable[tuple[str, Ranking]], tag: str = "densephrase") -> None:
    """Write the ranking of each question to a file or an open stream, in TREC's form.

    rankings: ids of questions with their rankings; a question without results has no rows.

    Raises:
        EvaluationError: if a question stands twice, or as `run_rows` does.
    """
    write_rows(target, _rows_of(rankings, tag))


def _rows_of(rankings: Iterable[tuple[str, Ranking]], tag: str) -> Iterator[str]:
    seen: set[str] = set()
    for question_id, ranking in rankings:
        if question_id in seen:
            raise EvaluationError(f"Question {question_id!r} has two rankings; a run holds one of each question.")
        seen.add(question_id)
        yield from run_rows(question_id, ranking, tag)


def read_run(path: str | Path) -> dict[str, list[tuple[str, float]]]:
    """Return the rankings of a run by question, sorted as trec_eval does: by score in float32, then id, both falling.

    Raises:
        EvaluationError: with file and line, if the file cannot be read, a row is malformed or an id stands twice.
    """
    run: dict[str, dict[str, float]] = {}
    for place, row in read_rows(path):
        fields = parted(row)
        if len(fields) != 6:
            raise row_error(place, f"found {len(fields)} fields, expected 6: {_ROW}")
        question_id, identity, score = unescape_id(fields[0]), unescape_id(fields[2]), _score(fields[4])
        if score is None:
            raise row_error(place, f"found the score {shorten(fields[4], _LONGEST)!r}, expected a finite number")
        ranking = run.setdefault(question_id, {})
        if identity in ranking:
            raise row_error(place, f"{identity!r} stands twice for question {question_id!r}; leave one row out")
        ranking[identity] = score
    with np.errstate(over="ignore"):
        return {question_id: sorted(ranking.items(), key=_place, reverse=True) for question_id, ranking in run.items()}


def _place(found: tuple[str, float]) -> tuple[np.float32, bytes]:
    return np.float32(found[1]), found[0].encode()


def _score(field: str) -> float | None:
    try:
        score = float(field)
    except ValueError:
        return None
    return score if math.isfinite(score) else None
