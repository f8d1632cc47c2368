"""The best spans of one question, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.data import SCORE_PARTS, ScoreParts
from densephrase.kernels.best_spans import SpanTable


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Spans with different starts, [K] each, best first; equal ones in the order of the corpus: document, then start.

    document, paragraph, start_row and end_row are global rows, start and end code points of the document's text.
    `parts` float64 [K, P] are those of the score in the order of `SCORE_PARTS`, those of the terms already weighted.
    `candidates` is the number of starts that were scored and have an end; where K is less, there are more spans.
    """

    candidates: int
    document: NDArray[np.int64]
    paragraph: NDArray[np.int64]
    start_row: NDArray[np.int64]
    end_row: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    paragraph_start: NDArray[np.int64]
    paragraph_end: NDArray[np.int64]
    parts: NDArray[np.float64]

    def __len__(self) -> int:
        return self.start.size

    @property
    def score(self) -> NDArray[np.float64]:
        """The sum of all parts, [K], added up in the order of `ScoreParts.total`."""
        total = self.parts[:, 0].copy()
        for part in range(1, len(SCORE_PARTS)):
            total += self.parts[:, part]
        return total

    def part(self, name: str) -> NDArray[np.float64]:
        """Return one part of the scores, [K], by its name in `ScoreParts`."""
        return self.parts[:, SCORE_PARTS.index(name)]

    def score_parts(self, row: int) -> ScoreParts:
        """Return the parts of one span's score."""
        return ScoreParts(*self.parts[row].tolist())


def new_span_table(questions: int, spans: int) -> SpanTable:
    """Return a table for that many spans of each question."""
    shape = (questions, spans)
    found, candidates = np.zeros((2, questions), np.int64)
    document, paragraph, start_row, end_row, start, end, first, last = np.empty((8, *shape), np.int64)
    return SpanTable(
        found=found,
        candidates=candidates,
        document=document,
        paragraph=paragraph,
        start_row=start_row,
        end_row=end_row,
        start=start,
        end=end,
        paragraph_start=first,
        paragraph_end=last,
        parts=np.empty((*shape, len(SCORE_PARTS))),
    )


def question_spans(table: SpanTable, question: int) -> Spans:
    """Return the spans of one question of the table."""
    mine = question, slice(int(table.found[question]))
    return Spans(
        candidates=int(table.candidates[question]),
        document=table.document[mine],
        paragraph=table.paragraph[mine],
        start_row=table.start_row[mine],
        end_row=table.end_row[mine],
        start=table.start[mine],
        end=table.end[mine],
        paragraph_start=table.paragraph_start[mine],
        paragraph_end=table.paragraph_end[mine],
        parts=table.parts[mine],
    )
