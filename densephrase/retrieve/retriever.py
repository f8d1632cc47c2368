"""The protocol of passage retrievers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from densephrase.data import Passage
from densephrase.errors import SearchError

RankedUnit: TypeAlias = Literal["passage", "document"]
"""What is ranked: passages by `Passage.id`, or documents by the best passage of each."""


class Retriever(Protocol):
    """Finds the passages that fit questions: a passage index by terms, vectors or both, or a phrase index."""

    def search(self, questions: Sequence[str], top_k: int) -> list[list[Passage]]:
        """Return the best passages of each question, best first, equal scores by place in the index.

        Fewer than `top_k` come back where there are fewer, or fewer that share anything with the question.
        """


def refuse_string(questions: Sequence[str]) -> None:
    """Raise SearchError for a string, which is a sequence of strings too: a question for each of its letters."""
    if isinstance(questions, str):
        raise SearchError(f"A retriever takes a list of questions; found {questions[:80]!r}, put it in a list.")
