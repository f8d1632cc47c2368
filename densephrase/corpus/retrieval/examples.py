"""Training data of retrievers in DPR's form: questions with passages that answer them, and with some that do not.

A row is `{question, answers, positive_ctxs, negative_ctxs, hard_negative_ctxs}`, in a list or a line of its own; a
passage is `{title, text}` with perhaps `passage_id`, `psg_id` or `id`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from densephrase.corpus.files.json_cursor import JsonCursor
from densephrase.corpus.files.records import DOCUMENT_BYTES, CorpusFile, Place
from densephrase.corpus.questions.json_rows import JsonRow, iterate_json_rows
from densephrase.corpus.questions.question_fields import key_of
from densephrase.corpus.questions.question_row import make_question
from densephrase.corpus.retrieval.context_passages import ContextPassage, read_contexts
from densephrase.corpus.retrieval.json_list import write_json_list
from densephrase.errors import CorpusError

_POSITIVE, _NEGATIVE, _HARD_NEGATIVE = "positive_ctxs", "negative_ctxs", "hard_negative_ctxs"
_BEFORE = ("answers", _NEGATIVE, _HARD_NEGATIVE)  # lists that may stand before it
_EXPECTED = f"a list {_POSITIVE!r} of passages (and {_HARD_NEGATIVE!r}, {_NEGATIVE!r})"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetrievalExample:
    """A question and its passages: those that answer it, those that a search takes for such, and any others."""

    question: str
    answers: tuple[str, ...]
    positives: tuple[ContextPassage, ...]
    hard_negatives: tuple[ContextPassage, ...] = ()
    negatives: tuple[ContextPassage, ...] = ()
    id: str = ""


def iterate_retrieval_examples(path: str | Path, *, document_bytes: int = DOCUMENT_BYTES) -> Iterator[RetrievalExample]:
    """Yield the examples of a file in DPR's form, one in memory at a time; the file may be gzipped.

    As in DPR, a right single quotation mark of a question becomes an apostrophe, and rows without a positive passage
    are left out. Passages without text are left out too. One warning at the end counts both.

    Raises QuestionError with the file, line and id at fault.
    """
    left_out = _LeftOut(0, 0)
    for row in iterate_json_rows(path, document_bytes):
        example = _make_example(row, left_out)
        if example.positives:
            yield example
        else:
            left_out.rows += 1
            left_out.first = left_out.first or row.where
    left_out.tell(Path(path))


def holds_retrieval_examples(path: str | Path) -> bool:
    """Tell whether the first row of a file is in DPR's form; a file that is no JSON, or cannot be read, is not."""
    file = CorpusFile(Path(path), Path(path).name)
    try:
        cursor = JsonCursor(file)
        if cursor.peek() == "[":
            cursor.take("[")
        if cursor.peek() != "{":
            return False
        for key in cursor.walk_object():
            if key == _POSITIVE:
                return True
            if cursor.peek() == "[" and key not in _BEFORE:  # SQuAD's `data`, which is the whole file
                return False
            cursor.value()
    except CorpusError:
        return False
    return False


def write_retrieval_examples(path: str | Path, examples: Iterable[RetrievalExample]) -> int:
    """Write examples in DPR's form, a row a line of one JSON list; return how many. `.gz` in the name zips them."""
    return write_json_list(Path(path), (_fields(example) for example in examples))


@dataclass(slots=True)
class _LeftOut:
    """What was left out so far, and where first."""

    rows: int
    passages: int
    first: str = ""

    def tell(self, path: Path) -> None:
        """Log a warning if anything was."""
        if self.first:
            _log.warning(
                "%s: left out %d rows without a positive passage and %d passages without text, the first in %s",
                Place(path),
                self.rows,
                self.passages,
                self.first,
            )


def _make_example(row: JsonRow, left_out: _LeftOut) -> RetrievalExample:
    question = make_question(row.fields, row.where, row.number)
    if _POSITIVE not in row.fields:
        key_of(row.fields, [_POSITIVE], _EXPECTED, row.where)

    def passages(key: str) -> tuple[ContextPassage, ...]:
        found = [context.passage for context in read_contexts(row.fields, key, row.where)]
        kept = tuple(passage for passage in found if passage.text.strip())
        if len(kept) < len(found):
            left_out.passages += len(found) - len(kept)
            left_out.first = left_out.first or row.where
        return kept

    return RetrievalExample(
        question.text.replace("\u2019", "'"),
        question.answers,
        passages(_POSITIVE),
        passages(_HARD_NEGATIVE),
        passages(_NEGATIVE),
        question.id,
    )


def _fields(example: RetrievalExample) -> Mapping[str, Any]:
    def passages(found: Iterable[ContextPassage]) -> list[Mapping[str, Any]]:
        return [{"title": one.title, "text": one.text, "passage_id": one.id} for one in found]

    return {
        "id": example.id,
        "question": example.question,
        "answers": list(example.answers),
        _POSITIVE: passages(example.positives),
        _NEGATIVE: passages(example.negatives),
        _HARD_NEGATIVE: passages(example.hard_negatives),
    }
