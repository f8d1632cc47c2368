"""What a retriever found, in the form that DPR writes and the readers of DPR and FiD take.

A row is `{question, answers, ctxs: [{id, title, text, score, has_answer}]}`, in a list or a line of its own, best
passage first. FiD spells `hasanswer`; scores may be text, as DPR writes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from densephrase.corpus.files.records import DOCUMENT_BYTES
from densephrase.corpus.questions.json_rows import JsonRow, iterate_json_rows
from densephrase.corpus.questions.question_fields import key_of, kind_of
from densephrase.corpus.questions.question_row import make_question
from densephrase.corpus.retrieval.context_passages import ContextPassage, read_contexts
from densephrase.corpus.retrieval.json_list import write_json_list
from densephrase.data import Passage, Question
from densephrase.errors import QuestionError

_CONTEXTS = "ctxs"
_FOUND_KEYS = ("has_answer", "hasanswer")


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A passage that was found, its score and whether it holds an answer; None where the file does not say."""

    passage: ContextPassage
    score: float | None = None
    has_answer: bool | None = None


@dataclass(frozen=True, slots=True)
class RetrievedQuestion:
    """A question and the passages that were found for it, best first."""

    question: Question
    passages: tuple[RetrievedPassage, ...]


def iterate_retrieved(path: str | Path, *, document_bytes: int = DOCUMENT_BYTES) -> Iterator[RetrievedQuestion]:
    """Yield what a file of a retriever's output holds, one question in memory at a time; it may be gzipped.

    Raises QuestionError with the file, line and id at fault.
    """
    for row in iterate_json_rows(path, document_bytes):
        question = make_question(row.fields, row.where, row.number)
        key_of(row.fields, [_CONTEXTS], f"a list {_CONTEXTS!r} of passages", row.where)
        yield RetrievedQuestion(question, tuple(_passages(row)))


def write_retrieved(path: str | Path, found: Iterable[tuple[Question, Sequence[Passage], Sequence[bool]]]) -> int:
    """Write questions, their passages, best first, and whether each holds an answer; return how many questions.

    They are taken and written one by one; `.gz` in the name zips the file. Raises QuestionError where there are not as
    many answers as passages.
    """
    return write_json_list(Path(path), (retrieved_fields(*one) for one in found))


def _passages(row: JsonRow) -> Iterator[RetrievedPassage]:
    for passage, fields, where in read_contexts(row.fields, _CONTEXTS, row.where):
        yield RetrievedPassage(passage, _score(fields, where), _found(fields, where))


def _score(fields: Mapping[str, Any], where: str) -> float | None:
    value = fields.get("score")
    if value is None:
        return None
    try:
        score = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if not math.isfinite(score):
        raise QuestionError(f"{where}: 'score' is {str(value)[:40]!r}, expected a number.")
    return score


def _found(fields: Mapping[str, Any], where: str) -> bool | None:
    key = next((key for key in _FOUND_KEYS if fields.get(key) is not None), None)
    if key is None:
        return None
    if not isinstance(fields[key], bool):
        raise QuestionError(f"{where}: {key!r} is {kind_of(fields[key])}, expected true or false.")
    return bool(fields[key])


def retrieved_fields(question: Question, passages: Sequence[Passage], found: Sequence[bool]) -> dict[str, Any]:
    """Return the row of one question with its passages, best first, and whether each holds an answer.

    Raises QuestionError where there are not as many answers as passages.
    """
    if len(found) != len(passages):
        raise QuestionError(
            f"Question {question.id!r} has {len(passages)} passages and {len(found)} flags of has_answer; expected as "
            "many."
        )
    contexts = [
        {
            "id": passage.id,
            "title": passage.document.title,
            "text": passage.text,
            "score": float(passage.score),
            "has_answer": bool(holds),
        }
        for passage, holds in zip(passages, found, strict=True)
    ]
    patterns = {"regex": True} if question.is_pattern else {}
    return {
        "id": question.id,
        "question": question.text,
        "answers": list(question.answers),
        **patterns,
        _CONTEXTS: contexts,
    }
