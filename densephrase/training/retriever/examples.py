"""Questions with their gold passages, as numbers of a pool that holds every passage of the training questions once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from densephrase.data import Question
from densephrase.encoder.encoded import ParagraphInput
from densephrase.errors import TrainingError


@dataclass(frozen=True, slots=True)
class RetrieverExample:
    """A question and the pool's numbers of its gold passage and of passages that do not answer it."""

    text: str
    answers: tuple[str, ...]
    positive: int
    negatives: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PassagePool:
    """The passages of all questions, each once, in the order in which they are met."""

    passages: tuple[ParagraphInput, ...]
    examples: tuple[RetrieverExample, ...]

    @classmethod
    def of(cls, questions: Sequence[Question]) -> PassagePool:
        """Collect the contexts of questions; TrainingError where one has none."""
        numbers: dict[tuple[str, str], int] = {}
        examples = []
        for question in questions:
            if question.context is None or not question.context.strip():
                raise TrainingError(
                    f"Question {question.id!r} has no context; training needs the passage that answers each question."
                )
            number = numbers.setdefault((question.title, question.context), len(numbers))
            examples.append(RetrieverExample(question.text, question.answers, number))
        return cls(tuple(ParagraphInput(text, title) for title, text in numbers), tuple(examples))
