"""Answers from spans: which spans belong together, and the text that they cite."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from densephrase.data import Answer, Document, Evidence
from densephrase.metrics import normalise_answer
from densephrase.search.grouping import group_spans
from densephrase.search.options import SearchOptions, Unit
from densephrase.search.sentences import sentence_around
from densephrase.search.spans import Spans


@dataclass(frozen=True, slots=True)
class AnswerWriter:
    """Turns the spans of one search into answers of one unit; `document` returns the document of a global row."""

    spans: Spans
    unit: Unit
    document: Callable[[int], Document]

    def answers(self, options: SearchOptions) -> list[Answer]:
        """Return at most `options.top_k` answers, best first, each with its evidence, best first."""
        groups = group_spans(self.spans.score, self._key(), options.top_k, options.evidence_spans)
        return [Answer(tuple(map(self._evidence, group))) for group in groups]

    def _key(self) -> Callable[[int], Hashable]:
        """Return the function that names the group of a span."""
        if self.unit == "phrase":
            return self._phrase_key
        if self.unit == "sentence":
            return lambda row: (int(self.spans.document[row]), self._context(row)[0])
        column = self.spans.paragraph if self.unit == "paragraph" else self.spans.document
        return lambda row: int(column[row])

    def _phrase_key(self, row: int) -> str:
        text = self.document(int(self.spans.document[row])).text[self.spans.start[row] : self.spans.end[row]]
        return normalise_answer(text) or text.casefold()

    def _context(self, row: int) -> tuple[int, int]:
        """Return the bounds of what is shown around a span: its sentence, paragraph or document."""
        first, last = int(self.spans.paragraph_start[row]), int(self.spans.paragraph_end[row])
        if self.unit in ("phrase", "paragraph"):
            return first, last
        text = self.document(int(self.spans.document[row])).text
        if self.unit == "document":
            return 0, len(text)
        start, end = int(self.spans.start[row]), int(self.spans.end[row])
        sentence = sentence_around(text[first:last], start - first, end - first)
        return first + sentence[0], first + sentence[1]

    def _evidence(self, row: int) -> Evidence:
        first, last = self._context(row)
        parts = self.spans.parts(row)
        return Evidence(
            document=self.document(int(self.spans.document[row])),
            start=int(self.spans.start[row]),
            end=int(self.spans.end[row]),
            paragraph_start=first,
            paragraph_end=last,
            score=parts.total,
            parts=parts,
        )
