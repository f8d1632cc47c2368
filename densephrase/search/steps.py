"""The steps of a search, one by one; each takes what those before it return.

A batch of Q questions is encoded, prepared for the kernels, given candidates by the dense side (start rows) and by the
sparse side (paragraphs), and its best spans are scored; `Searcher.answer` turns these into answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from densephrase.encoder.encoded import QuestionVectors
from densephrase.errors import SearchError
from densephrase.kernels.candidates import Chosen
from densephrase.kernels.question import QuestionBatch
from densephrase.search.find.candidates import CandidateFinder
from densephrase.search.find.spans import Spans, new_span_table, question_spans
from densephrase.search.plan.effort import Effort
from densephrase.search.plan.exclusion import Exclusion
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.threads import stages_on
from densephrase.search.prepare.question_batch import prepare_questions
from densephrase.search.prepare.scoring import ScoreSettings

if TYPE_CHECKING:
    from densephrase.encoder.question.question_encoder import QuestionEncoder


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What a search does: its options, and what the encoder, the strategy and the index make of those left open."""

    options: SearchOptions
    excluded: Exclusion
    scoring: ScoreSettings
    effort: Effort


@dataclass(frozen=True, slots=True)
class SearchSteps:
    """The steps of a search of one index with one encoder, on `threads` threads; they hold no state of a search."""

    finder: CandidateFinder
    encoder: QuestionEncoder
    threads: int

    def plan(self, options: SearchOptions, excluded: Exclusion | None = None, growth: int = 1) -> SearchPlan:
        """Return what a search with these options does.

        excluded: the rows of documents to leave out (None: those that the options name are looked up).
        growth: times the candidates that the strategy proposes where the options leave that open.

        Raises:
            SearchError: if an excluded document does not exist.
        """
        reader, lists = self.finder.tables.reader, self.finder.tables.lists
        if excluded is None:
            excluded = Exclusion.of(reader, options.exclude_documents)
        starts, is_compact = int(reader.bases.starts[-1]), reader.products is not None
        effort = Effort.choose(options, starts, len(lists.list_codes), len(lists.group_codes), is_compact, growth)
        return SearchPlan(options, excluded, ScoreSettings.choose(options, self.encoder.config), effort)

    def encode(self, texts: Sequence[str]) -> QuestionVectors:
        """Return the vectors of questions."""
        return self.encoder.encode_questions(texts)

    def prepare(self, texts: Sequence[str], vectors: QuestionVectors, plan: SearchPlan) -> QuestionBatch:
        """Return questions as kernels take them: vectors as integers, n-grams and terms; `vectors` are theirs.

        Raises:
            SearchError: if the index does not hold the terms that a weight is for.
        """
        encoder, reader = self.encoder, self.finder.tables.reader
        if plan.scoring.document_weight and not reader.terms.documents.is_stored:
            raise SearchError(
                f"The document weight is {plan.scoring.document_weight}, but the compact index {reader.path} was "
                "built for a weight of 0 and holds no terms of documents. Search with a document weight of 0, or "
                "build an index of the default profile."
            )
        uses_terms = plan.scoring.uses_terms or plan.effort.paragraphs > 0
        return prepare_questions(
            vectors if plan.options.sparc else replace(vectors, sparse=None),
            (encoder.start_quantiser, encoder.end_quantiser),
            reader.products,
            encoder.sparse_scale,
            [reader.terms.analyser.terms(text) if uses_terms else [] for text in texts],
            reader.terms,
        )

    def starts(self, batch: QuestionBatch, vectors: QuestionVectors, plan: SearchPlan) -> Chosen:
        """Return the start rows that the dense side proposes, ascending for each question."""
        with stages_on(self.threads, len(batch.step)) as stages:
            return self.finder.starts(batch, vectors.start, plan.effort, plan.excluded, stages)

    def paragraphs(self, batch: QuestionBatch, plan: SearchPlan) -> Chosen:
        """Return the paragraphs that the sparse side proposes, best first for each question.

        Raises:
            IndexFormatError: if the postings of a term are damaged.
        """
        with stages_on(self.threads, len(batch.step)) as stages:
            return self.finder.paragraphs(batch, plan.effort, plan.scoring, plan.excluded, stages)

    def score(
        self, batch: QuestionBatch, starts: Chosen, paragraphs: Chosen, plan: SearchPlan, wanted: int
    ) -> list[Spans]:
        """Return the best spans that begin at the proposed starts or in the proposed paragraphs.

        They are at most `wanted` for each question, one for each start, best first.
        """
        questions, tables = len(batch.step), self.finder.tables
        table = new_span_table(questions, min(wanted, int(tables.reader.bases.starts[-1])))
        with stages_on(self.threads, questions) as stages:
            stages.score_candidates(
                starts=starts,
                chosen=paragraphs,
                batch=batch,
                table=tables.shards,
                paragraphs=tables.paragraphs,
                documents=tables.documents,
                scoring=plan.scoring.for_kernels(tables.coherency, plan.effort.most_starts),
                spans=table,
            )
        return [question_spans(table, question) for question in range(questions)]
