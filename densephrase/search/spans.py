"""Scored spans as columns, and how candidate starts become spans."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from densephrase.data import ScoreParts
from densephrase.index.index_reader import IndexReader
from densephrase.index.shard import Shard
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.spans import BestEnds, EndQuestion, EndRows, best_ends
from densephrase.kernels.sparse import sparse_scores
from densephrase.search.fixed_point import FixedPointScale
from densephrase.search.question import PreparedQuestion, Scoring


@dataclass(frozen=True, slots=True)
class Spans:
    """Candidate starts with their best ends, [C] each, in the order of the corpus: document, then start.

    document, paragraph, start_row and end_row are global rows, start and end code points of the document's text; the
    score's parts are float64, those of the terms already weighted.
    """

    document: NDArray[np.int64]
    paragraph: NDArray[np.int64]
    start_row: NDArray[np.int64]
    end_row: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    paragraph_start: NDArray[np.int32]
    paragraph_end: NDArray[np.int32]
    dense_start: NDArray[np.float64]
    dense_end: NDArray[np.float64]
    coherency: NDArray[np.float64]
    paragraph_terms: NDArray[np.float64]
    document_terms: NDArray[np.float64]
    sparc_start: NDArray[np.float64]
    sparc_end: NDArray[np.float64]

    @property
    def score(self) -> NDArray[np.float64]:
        """The sum of all parts, [C]; the order of adding up is that of `ScoreParts.total`."""
        dense = self.dense_start + self.dense_end + self.coherency
        return dense + self.paragraph_terms + self.document_terms + self.sparc_start + self.sparc_end

    def parts(self, row: int) -> ScoreParts:
        """Return the parts of one span's score."""
        return ScoreParts(*(float(getattr(self, part.name)[row]) for part in fields(ScoreParts)))

    @classmethod
    def join(cls, pieces: list[Spans]) -> Spans:
        """Put the spans of consecutive shards one after the other; there must be at least one piece."""
        return cls(*(np.concatenate([getattr(piece, field.name) for piece in pieces]) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class Rescorer:
    """Computes the full score of candidate starts and their best ends over the stored rows of an index."""

    reader: IndexReader
    coherency: FixedPointScale

    def spans(self, starts: NDArray[np.int64], question: PreparedQuestion, scoring: Scoring) -> Spans:
        """Return the spans of global start rows int64 [C], ascending; starts without a possible end are left out."""
        bounds = np.searchsorted(starts, self.reader.bases.starts)
        return Spans.join(
            [
                self._shard_spans(number, starts[bounds[number] : bounds[number + 1]], question, scoring)
                for number in range(len(self.reader.shards))
            ]
        )

    def _shard_spans(
        self, number: int, starts: NDArray[np.int64], question: PreparedQuestion, scoring: Scoring
    ) -> Spans:
        shard, bases = self.reader.shards[number], self.reader.bases
        starts = starts - bases.starts[number]
        paragraph = shard.start_paragraphs(starts)
        best = self._best_ends(shard, starts, paragraph, question, scoring)
        found = best.end >= 0
        starts, ends, paragraph = starts[found], best.end[found], paragraph[found]
        start_dots = np.empty(starts.size, np.int64)
        gather_dots(shard.start_codes, starts, question.start.weights, question.start.low_bits, start_dots)
        paragraph_terms, document_terms = question.terms.at(paragraph + bases.paragraphs[number])
        first = shard.paragraph_start[paragraph]
        return Spans(
            document=shard.paragraph_document[paragraph] + bases.documents[number],
            paragraph=paragraph + bases.paragraphs[number],
            start_row=starts + bases.starts[number],
            end_row=ends + bases.ends[number],
            start=first + shard.start_char[starts],
            end=first + shard.end_char[ends],
            paragraph_start=first,
            paragraph_end=shard.paragraph_end[paragraph],
            dense_start=question.start.scores(start_dots),
            dense_end=question.end.scores(best.dot[found]),
            coherency=best.coherency[found].astype(np.float64) * self.coherency.step,
            paragraph_terms=scoring.paragraph_weight * paragraph_terms.astype(np.float64),
            document_terms=scoring.document_weight * document_terms.astype(np.float64),
            sparc_start=_start_sparse(shard, starts, paragraph, question),
            sparc_end=best.sparse[found],
        )

    def _best_ends(
        self,
        shard: Shard,
        starts: NDArray[np.int64],
        paragraphs: NDArray[np.int64],
        question: PreparedQuestion,
        scoring: Scoring,
    ) -> BestEnds:
        """Return the best end of each start of a shard, and what it adds to the score."""
        end, dot, coherency = np.empty((3, starts.size), np.int64)
        best = BestEnds(end, dot, coherency, np.empty(starts.size, np.float64))
        best_ends(
            starts,
            paragraphs,
            shard.start_token,
            shard.start_codes,
            EndRows(shard.paragraph_end_ptr, shard.end_token, shard.end_codes, shard.sparse("end")),
            EndQuestion(
                question.end.weights,
                question.end.low_bits,
                question.end.step,
                self.coherency.scale,
                self.coherency.step,
                question.end_sparse,
            ),
            scoring.max_answer_tokens,
            best,
        )
        return best


def _start_sparse(
    shard: Shard, starts: NDArray[np.int64], paragraphs: NDArray[np.int64], question: PreparedQuestion
) -> NDArray[np.float64]:
    """Return the sparse score of each start of a shard, [C]."""
    scores = np.zeros(starts.size, np.float64)
    if shard.start_sparse.shape[1]:  # 0 in an index without sparse vectors
        rows = shard.sparse("start")
        sparse_scores(starts, paragraphs, shard.start_token, rows, question.start_sparse, scores)
    return scores
