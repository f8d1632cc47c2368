"""Result of one question: its answers scored against its references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from densephrase.data import Answer, Question
from densephrase.evaluation.gold_place import is_right_paragraph
from densephrase.metrics import exact_match, exact_match_and_f1, has_answer


@dataclass(frozen=True, slots=True)
class Result:
    """The scores of one question; ranks count from 1 and are None where nothing matches.

    A question without references is answered right by no answer, which then counts as a match at rank 1.

    `right_paragraph` tells whether the first answer's paragraph is where a reference answer was marked, None where
    unknown (see `is_right_paragraph`).
    `seconds` is None where questions were answered in batches. `answer_paragraphs` counts the paragraphs in which the
    answers stand, None where there is no index; `first_paragraph_rank` is the rank of the first paragraph that holds a
    reference when paragraphs are what is searched for (`unit="paragraph"`), and `paragraphs` how many these are, None
    where they were not.
    """

    question: Question
    answers: tuple[dict[str, Any], ...]
    exact_match: bool
    f1: float
    first_exact_rank: int | None
    first_context_rank: int | None
    right_paragraph: bool | None
    seconds: float | None
    answer_paragraphs: int | None = None
    first_paragraph_rank: int | None = None
    paragraphs: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return one line of a predictions file."""
        return {
            "id": self.question.id,
            "question": self.question.text,
            "references": list(self.question.answers),
            "exact_match": self.exact_match,
            "f1": self.f1,
            "right_paragraph": self.right_paragraph,
            "seconds": self.seconds,
            "answers": list(self.answers),
        }


def score_answers(
    question: Question, answers: Sequence[Answer], seconds: float, paragraphs: Sequence[Answer] | None = None
) -> Result:
    """Score the ranked answers of a search: phrases by SQuAD's metrics, paragraphs by DPR's string match.

    paragraphs: what the same search gives with `unit="paragraph"`.
    """
    references, patterns = question.answers, question.is_pattern
    exact, overlap = exact_match_and_f1(answers[0].text if answers else "", references, patterns=patterns)
    return Result(
        question=question,
        answers=tuple({**answer.evidence[0].to_dict(), "confidence": answer.confidence} for answer in answers),
        exact_match=exact,
        f1=overlap,
        first_exact_rank=1
        if exact
        else _first([exact_match(item.text, references, patterns=patterns) for item in answers]),
        first_context_rank=_first([has_answer(item.context, references, patterns=patterns) for item in answers]),
        right_paragraph=is_right_paragraph(question, answers),
        seconds=seconds,
        answer_paragraphs=len({(item.document.id, item.evidence[0].paragraph_start) for item in answers}),
        first_paragraph_rank=_first(
            [has_answer(found.context, references, patterns=patterns) for found in paragraphs or ()]
        ),
        paragraphs=None if paragraphs is None else len(paragraphs),
    )


def score_span(question: Question, span: dict[str, Any] | None) -> Result:
    """Score the best span of the question's own paragraph, a JSON object with `text`; None where none is given."""
    exact, overlap = exact_match_and_f1(
        "" if span is None else span["text"], question.answers, patterns=question.is_pattern
    )
    return Result(
        question=question,
        answers=() if span is None else (span,),
        exact_match=exact,
        f1=overlap,
        first_exact_rank=1 if exact else None,
        first_context_rank=None,
        right_paragraph=None,
        seconds=None,
    )


def _first(hits: Sequence[bool]) -> int | None:
    """Return the rank of the first hit."""
    return hits.index(True) + 1 if True in hits else None
