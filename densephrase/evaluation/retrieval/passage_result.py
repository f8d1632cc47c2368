"""Result of one question to a retriever: its ranked passages against its references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from densephrase.corpus.retrieval.retriever_output import retrieved_fields
from densephrase.data import Passage, Question
from densephrase.evaluation.gold_place import gold_places, knows_gold_place, overlaps
from densephrase.metrics import has_answer


@dataclass(frozen=True, slots=True)
class PassageResult:
    """The ranked passages of one question; ranks count from 1 and are None where no passage is meant.

    `answer_rank` is the rank of the first passage whose text, without its title, holds a reference answer (DPR's
    `has_answer`). `gold_rank` is that of the first passage that overlaps a reference answer where it was marked, and
    `is_gold_known` tells whether it is known where that was (see `densephrase.evaluation.gold_place`). `seconds` is the
    question's own time, or its share of its batch's.
    """

    question: Question
    passages: tuple[Passage, ...]
    answer_rank: int | None
    gold_rank: int | None
    is_gold_known: bool
    seconds: float

    @classmethod
    def of(cls, question: Question, passages: Sequence[Passage], seconds: float) -> PassageResult:
        """Compare the passages that a retriever found, best first, with the question's references."""
        known = knows_gold_place(question)
        return cls(
            question=question,
            passages=tuple(passages),
            answer_rank=next((rank for rank, one in enumerate(passages, 1) if holds_answer(question, one)), None),
            gold_rank=_gold_rank(question, passages) if known else None,
            is_gold_known=known,
            seconds=seconds,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return one line of a predictions file: a row of DPR's retriever output, with ranks, seconds and parts."""
        without = len(self.passages) if self.answer_rank is None else self.answer_rank - 1  # so many at the top
        holds = [row >= without and holds_answer(self.question, one) for row, one in enumerate(self.passages)]
        row = retrieved_fields(self.question, self.passages, holds)
        for context, passage in zip(row["ctxs"], self.passages, strict=True):
            context["parts"] = dict(passage.parts)
        return {**row, "answer_rank": self.answer_rank, "gold_rank": self.gold_rank, "seconds": self.seconds}


def holds_answer(question: Question, passage: Passage) -> bool:
    """Tell whether the text of a passage, without its title, holds a reference answer of the question."""
    return has_answer(passage.text, question.answers, patterns=question.is_pattern)


def _gold_rank(question: Question, passages: Sequence[Passage]) -> int | None:
    places: dict[str, list[tuple[int, int]]] = {}
    for rank, passage in enumerate(passages, 1):
        document = passage.document
        if document.id not in places:
            places[document.id] = gold_places(question, document)
        if overlaps(places[document.id], passage.start, passage.end):
            return rank
    return None
