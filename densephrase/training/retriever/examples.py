"""Questions with their gold passages, as numbers of a pool that holds every passage of the training questions once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from densephrase.corpus.retrieval.context_passages import ContextPassage
from densephrase.corpus.retrieval.examples import RetrievalExample
from densephrase.data import Question
from densephrase.encoder.encoded import ParagraphInput
from densephrase.errors import TrainingError
from densephrase.training.data.examples import refuse_patterns

TrainingRow: TypeAlias = Question | RetrievalExample
"""A question marked in its paragraph, or one with passages that were chosen for it (DPR's form)."""


def answered(rows: Sequence[TrainingRow]) -> Sequence[TrainingRow]:
    """Return the rows whose passage answers them: all but the unanswerable questions of SQuAD 2.0 and its like."""
    return [row for row in rows if isinstance(row, RetrievalExample) or row.answers]


def place_of(row: TrainingRow) -> tuple[str, str | None]:
    """Return the title and the text of the passage that answers a row; None where it has none."""
    if isinstance(row, Question):
        return row.title, row.context
    return (row.positives[0].title, row.positives[0].text) if row.positives else ("", None)


@dataclass(frozen=True, slots=True)
class PoolExample:
    """A question and the pool's numbers of its gold passage and of passages that do not answer it.

    `others` are further passages that answer it: no negatives, and not trained on.
    """

    text: str
    answers: tuple[str, ...]
    positive: int
    negatives: tuple[int, ...] = ()
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PassagePool:
    """The passages of all questions, each once, in the order in which they are met."""

    passages: tuple[ParagraphInput, ...]
    examples: tuple[PoolExample, ...]

    @classmethod
    def of(cls, rows: Sequence[TrainingRow], given: int = 0) -> PassagePool:
        """Collect the passages of training rows, and the first `given` hard negatives of those in DPR's form.

        Raises TrainingError where a row has no passage that answers it, or answers that are patterns.
        """
        passages = _Passages()
        examples = tuple(_example(row, passages, given) for row in rows)
        return cls(tuple(ParagraphInput(text, title) for title, text in passages.numbers), examples)


@dataclass(frozen=True, slots=True)
class _Passages:
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, title: str, text: str) -> int:
        return self.numbers.setdefault((title, text), len(self.numbers))

    def of(self, passages: Iterable[ContextPassage]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self.number(passage.title, passage.text) for passage in passages))


def _example(row: TrainingRow, passages: _Passages, given: int) -> PoolExample:
    if isinstance(row, RetrievalExample):
        if not row.positives:
            raise TrainingError(f"Question {row.id!r} has no passage that answers it; leave it out.")
        positive, *others = passages.of(row.positives)
        gold = {positive, *others}
        negatives = tuple(number for number in passages.of(row.hard_negatives[:given]) if number not in gold)
        return PoolExample(row.question, row.answers, positive, negatives, tuple(others))
    refuse_patterns([row])
    if row.context is None or not row.context.strip():
        raise TrainingError(
            f"Question {row.id!r} has no context; training needs the passage that answers each question."
        )
    return PoolExample(row.text, row.answers, passages.number(row.title, row.context))
