"""Exhaustive search in a fraction of its time: paragraphs that cannot hold one of the best phrases are not scored.

Paragraphs are taken in the order of `ParagraphBounds` until the worst of the best phrases so far is better than any
phrase of the others can be; phrases are scored by the kernels of the search itself. Answers are those of
`exhaustive=True`, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.exhaustive.paragraph_bounds import ParagraphBounds
from densephrase.encoder.encoded import QuestionVectors
from densephrase.encoder.question.question_encoder import QuestionEncoder
from densephrase.index.index_reader import IndexReader
from densephrase.kernels.candidates import Chosen
from densephrase.kernels.max_score import TermQuery, scores_at
from densephrase.kernels.question import QuestionBatch
from densephrase.kernels.stages import score_candidates
from densephrase.search.find.spans import Spans, new_span_table, question_spans
from densephrase.search.prepare.scoring import ScoreSettings
from densephrase.search.searcher import Searcher
from densephrase.search.steps import SearchPlan

# Bounds are sums of float32, scores of whole numbers; the tables of compact rows are rounded too, by up to 0.006.
SLACK = 0.05
_FIRST = 64  # paragraphs
_GROWTH = 4
_EVERYTHING = 2**62


class ExactSearcher(Searcher):
    """Answers as an exhaustive search does, with the encoder's own limit of an answer's tokens."""

    def __init__(self, reader: IndexReader, encoder: QuestionEncoder, threads: int | None = 1) -> None:
        """Read the whole index, which takes about a millisecond for each paragraph."""
        super().__init__(reader, encoder, threads)
        self._tables = self.steps.finder.tables
        self._bounds = ParagraphBounds(reader, encoder)
        self.scored = 0  # paragraphs so far

    def spans(self, texts: Sequence[str], vectors: QuestionVectors, plan: SearchPlan, wanted: int) -> list[Spans]:
        """Return the best of all spans of each question, among which no growth finds more."""
        scoring, batch = plan.scoring, self.steps.prepare(texts, vectors, plan)
        bounds = self._bounds.of(vectors if plan.options.sparc else replace(vectors, sparse=None)).T
        phrases = self._bounds.phrases.copy()
        for first, last in plan.excluded.paragraphs.tolist():
            phrases[first:last] = 0
        found = []
        for question, bound in enumerate(bounds):
            own = bound + self._terms(batch, question, scoring)
            found.append(self._best(question, batch, scoring, np.where(phrases > 0, own, -np.inf), wanted))
        return [replace(spans, candidates=int(phrases.sum())) for spans in found]

    def _terms(self, batch: QuestionBatch, question: int, scoring: ScoreSettings) -> NDArray[np.float32]:
        """Return the weighted term scores of each paragraph."""
        mine = slice(*batch.term_ptr[question : question + 2])
        parts = []
        for postings, weights, factor in (
            (self._tables.paragraphs, batch.paragraph_weights, scoring.paragraph_weight),
            (self._tables.documents, batch.document_weights, scoring.document_weight),
        ):
            scores = np.zeros(postings.norm.size if factor else 0, np.float32)
            scores_at(postings, TermQuery(batch.term_ids[mine], weights[mine]), np.arange(scores.size), scores)
            parts.append(np.float32(factor) * scores)
        total = np.zeros(len(self._tables.paragraph_document), np.float32)
        if parts[0].size:
            total += parts[0]
        if parts[1].size:
            total += parts[1][self._tables.paragraph_document]
        return total

    def _best(
        self, question: int, batch: QuestionBatch, scoring: ScoreSettings, bounds: NDArray[np.float32], wanted: int
    ) -> Spans:
        """Return the best spans of one question; `bounds` [P] are those of whole scores."""
        order = np.argsort(-bounds, kind="stable")
        left = int(np.isfinite(bounds).sum())
        count = min(_FIRST, left)
        while True:
            spans = self._score(question, batch, scoring, order[:count], wanted)
            self.scored += count
            _check(spans, bounds)
            least = float(spans.score[-1]) if len(spans) == wanted else -np.inf
            needed = min(left, int((bounds >= least - SLACK).sum()))
            if needed <= count:
                return spans
            count = min(needed, _GROWTH * count)

    def _score(
        self, question: int, batch: QuestionBatch, scoring: ScoreSettings, paragraphs: NDArray[np.int64], wanted: int
    ) -> Spans:
        questions = len(batch.step)
        rows = np.broadcast_to(paragraphs, (questions, len(paragraphs)))
        nothing = Chosen(np.empty((questions, 0), np.int64), np.zeros(questions, np.int64))
        table = new_span_table(questions, min(wanted, int(self._tables.reader.bases.starts[-1])))
        score_candidates(
            question=question,
            starts=nothing,
            chosen=Chosen(np.ascontiguousarray(rows), np.full(questions, len(paragraphs))),
            batch=batch,
            table=self._tables.shards,
            paragraphs=self._tables.paragraphs,
            documents=self._tables.documents,
            scoring=scoring.for_kernels(self._tables.coherency, _EVERYTHING),
            spans=table,
        )
        return question_spans(table, question)


def _check(spans: Spans, bounds: NDArray[np.float32]) -> None:
    """Raise RuntimeError where a phrase scores more than its paragraph's bound: the search would not be exact."""
    above = spans.score - bounds[spans.paragraph]
    if len(spans) and above.max() > SLACK / 2:
        raise RuntimeError(f"A phrase scores {above.max():.4f} more than the bound of its paragraph.")
