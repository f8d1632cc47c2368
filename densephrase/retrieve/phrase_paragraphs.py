"""A phrase index as a passage retriever: each paragraph answers with its best phrase (Lee et al., 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from densephrase.data import Answer, Passage
from densephrase.retrieve.retriever import refuse_string


class PhraseSearch(Protocol):
    """A search of phrases with the options of `densephrase.PhraseIndex.search`."""

    def __call__(self, question: Sequence[str], /, *, top_k: int, unit: Any, **options: Any) -> list[list[Answer]]:
        """Return the answers to each question, best first."""


class PhraseParagraphs:
    """Retrieves the paragraphs that hold the best phrases; a `densephrase.retrieve.retriever.Retriever`.

    search: that of an open phrase index, as `index.search`.
    options: what each of its searches is told beside `top_k`, such as `strategy`; the unit is the paragraph.
    """

    def __init__(self, search: PhraseSearch, **options: Any) -> None:
        self._search, self._options = search, options

    def search(self, questions: Sequence[str], top_k: int = 10) -> list[list[Passage]]:
        """Return the best paragraphs of each question, best first, with the score of their best phrase.

        Raises:
            SearchError: as the phrase search does.
        """
        refuse_string(questions)
        found = self._search(list(questions), top_k=top_k, unit="paragraph", **self._options)
        return [[_passage(answer) for answer in answers] for answers in found]


def _passage(answer: Answer) -> Passage:
    best = answer.evidence[0]
    parts: Mapping[str, float] = {"phrase": best.score}
    return Passage(
        document=best.document,
        start=best.paragraph_start,
        end=best.paragraph_end,
        score=best.score,
        parts=parts,
        term_matches=best.term_matches,
    )
