"""Answers from spans: which spans belong together, and the text that they cite."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Answer, Document, Evidence
from densephrase.metrics import answer_name
from densephrase.search.confidence import RIVALS, SPANS, Rival
from densephrase.search.explain import Explanation
from densephrase.search.grouping import group_spans
from densephrase.search.options import SearchOptions, Unit
from densephrase.search.sentences import sentence_around
from densephrase.search.spans import Spans


@dataclass(frozen=True)
class AnswerWriter:
    """Turns the spans of one search into answers of one unit.

    `document` returns the document of a global row, `explain` what the span of a row shares with the question.
    """

    spans: Spans
    unit: Unit
    document: Callable[[int], Document]
    explain: Callable[[int], Explanation] | None = None

    def answers(self, options: SearchOptions) -> list[Answer]:
        """Return at most `options.top_k` answers, best first, each with its evidence, best first."""
        groups = group_spans(self._scores, self._key(), options.top_k, options.evidence_spans)
        return [Answer(tuple(map(self._evidence, group))) for group in groups]

    def rivals(self) -> list[Rival]:
        """Return the best phrases as confidence compares them, which is the same whatever unit and options are."""
        return [
            Rival(self._phrase_key(group[0]), tuple(self._scores[group].tolist()), self._document(group[0]).id)
            for group in group_spans(self._scores, self._phrase_key, RIVALS, SPANS)
        ]

    @cached_property
    def _scores(self) -> NDArray[np.float64]:
        return self.spans.score

    def _key(self) -> Callable[[int], Hashable]:
        """Return the function that names the group of a span."""
        if self.unit == "phrase":
            return self._phrase_key
        if self.unit == "sentence":
            return lambda row: (int(self.spans.document[row]), self._context(row)[0])
        column = self.spans.paragraph if self.unit == "paragraph" else self.spans.document
        return lambda row: int(column[row])

    @cached_property
    def _phrase_key(self) -> Callable[[int], str]:
        """The function that names the phrase of a span; answers and rivals are mostly the same ones."""

        @cache
        def name(row: int) -> str:
            return answer_name(self._document(row).text[self.spans.start[row] : self.spans.end[row]])

        return name

    def _document(self, row: int) -> Document:
        return self.document(int(self.spans.document[row]))

    def _context(self, row: int) -> tuple[int, int]:
        """Return the bounds of what is shown around a span: its sentence, paragraph or document."""
        first, last = int(self.spans.paragraph_start[row]), int(self.spans.paragraph_end[row])
        if self.unit in ("phrase", "paragraph"):
            return first, last
        text = self._document(row).text
        if self.unit == "document":
            return 0, len(text)
        start, end = int(self.spans.start[row]), int(self.spans.end[row])
        sentence = sentence_around(text[first:last], start - first, end - first)
        return first + sentence[0], first + sentence[1]

    def _evidence(self, row: int) -> Evidence:
        first, last = self._context(row)
        parts = self.spans.parts(row)
        explanation = None if self.explain is None else self.explain(row)
        return Evidence(
            document=self._document(row),
            start=int(self.spans.start[row]),
            end=int(self.spans.end[row]),
            paragraph_start=first,
            paragraph_end=last,
            score=parts.total,
            parts=parts,
            sparse_matches=None if explanation is None else explanation.sparse,
            term_matches=None if explanation is None else explanation.terms,
        )
