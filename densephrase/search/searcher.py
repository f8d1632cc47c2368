"""Search of one index with one encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from densephrase.data import Answer
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import QuestionVectors
from densephrase.errors import SearchError
from densephrase.index.index_reader import IndexReader
from densephrase.search.answers import AnswerWriter
from densephrase.search.candidates import candidate_starts
from densephrase.search.confidence import ConfidenceModel, missing_confidence
from densephrase.search.exclusion import Exclusion
from densephrase.search.explain import Explainer
from densephrase.search.fixed_point import FixedPointScale, FixedPointVector
from densephrase.search.options import SearchOptions
from densephrase.search.question import PreparedQuestion, Scoring
from densephrase.search.spans import Rescorer, Spans
from densephrase.search.sparse_question import NO_NGRAMS, fold_ngrams

if TYPE_CHECKING:
    from densephrase.encoder.phrase_encoder import PhraseEncoder

_ENCODED_TOGETHER = 64  # questions
_CACHED_DOCUMENTS = 256


class Searcher:
    """Answers questions over a mapped index: candidates, full scores, best ends, groups.

    Holds no state of a search, so threads may share it if they may share the encoder.
    """

    def __init__(self, reader: IndexReader, encoder: PhraseEncoder) -> None:
        """Join an index and the encoder that it was built with; SearchError where they don't fit."""
        _check_fit(reader, encoder.config)
        self._reader, self._encoder = reader, encoder
        self._rescorer = Rescorer(
            reader, FixedPointScale.fold(encoder.start_quantiser, encoder.end_quantiser, encoder.config.vector_size)
        )
        self._confidence = ConfidenceModel.of(encoder.config.confidence, "open")
        self._document = lru_cache(_CACHED_DOCUMENTS)(reader.document)

    def search(self, questions: Sequence[str], options: SearchOptions) -> list[list[Answer]]:
        """Return the answers to each question, best first.

        An empty question, or one of unknown words, has no terms: dense search still answers it, sparse-first search
        finds nothing. Equal scores come in the order of the corpus.

        Raises:
            SearchError: if an excluded document does not exist, or a confidence is asked for and none was fitted.
        """
        if options.min_confidence is not None and self._confidence is None:
            raise missing_confidence("open")
        excluded = Exclusion.of(self._reader, options.exclude_documents)
        answers = []
        for first in range(0, len(questions), _ENCODED_TOGETHER):
            batch = questions[first : first + _ENCODED_TOGETHER]
            vectors = self._encoder.encode_questions(batch)
            for row, text in enumerate(batch):
                answers.append(self._answer(text, vectors.part(slice(row, row + 1)), options, excluded))
        return answers

    def warm_up(self) -> None:
        """Compile the kernels and bring the scanned rows into memory, so that the first question is not slow."""
        nothing = np.zeros((1, self._encoder.config.vector_size), np.float32)
        vectors = QuestionVectors(nothing, nothing)
        self._answer("", vectors, SearchOptions(dense_candidates=1), Exclusion.of(self._reader, ()))

    def _prepare(
        self, text: str, vectors: QuestionVectors, options: SearchOptions, uses_terms: bool
    ) -> PreparedQuestion:
        """Make one question ready; `vectors` are its own."""
        encoder, terms = self._encoder, self._reader.terms
        sparse = (NO_NGRAMS, NO_NGRAMS)
        if options.sparc and vectors.sparse is not None and encoder.sparse_scale is not None:
            sparse = fold_ngrams(vectors.sparse[0], encoder.sparse_scale)
        return PreparedQuestion(
            vectors.start[0],
            FixedPointVector.fold(vectors.start[0], encoder.start_quantiser),
            FixedPointVector.fold(vectors.end[0], encoder.end_quantiser),
            terms.score(terms.analyser.terms(text) if uses_terms else ()),
            *sparse,
        )

    def spans(self, text: str, vectors: QuestionVectors, options: SearchOptions, excluded: Exclusion) -> Spans:
        """Return every candidate start of one question with its best end; `vectors` are the question's own."""
        scoring = Scoring.choose(options, self._encoder.config)
        question = self._prepare(text, vectors, options, scoring.uses_terms or options.strategy != "dense-first")
        question = replace(question, terms=excluded.hide(question.terms))
        starts = candidate_starts(self._reader, question, options, scoring, excluded)
        return self._rescorer.spans(starts, question, scoring)

    def _explainer(self, text: str, vectors: QuestionVectors, options: SearchOptions, spans: Spans) -> Explainer:
        """Return what explains the spans of one question; `vectors` are its own."""
        return Explainer(
            self._reader,
            self._encoder.tokeniser.tokenizer,
            self._document,
            spans,
            self._reader.terms.analyser.terms(text),
            Scoring.choose(options, self._encoder.config),
            vectors.sparse[0] if options.sparc and vectors.sparse is not None else None,
            self._encoder.sparse_scale,
        )

    def _answer(self, text: str, vectors: QuestionVectors, options: SearchOptions, excluded: Exclusion) -> list[Answer]:
        spans = self.spans(text, vectors, options, excluded)
        if not spans.start.size:
            return []
        explain = self._explainer(text, vectors, options, spans).explain if options.explain else None
        writer = AnswerWriter(spans, options.unit, self._document, explain)
        answers = writer.answers(options)
        if self._confidence is None:
            return answers
        return self._confidence.judge(text, answers, writer.rivals(), options.min_confidence or 0.0)


def _check_fit(reader: IndexReader, made: EncoderConfig) -> None:
    """Raise SearchError where an index and an encoder don't belong together."""
    stored = reader.manifest.quantisation
    if (stored.vector_size, stored.coherency_rank) != (made.vector_size, made.coherency_rank):
        raise SearchError(
            f"The index {reader.path} holds rows of {stored.vector_size} + {stored.coherency_rank} dimensions, "
            f"the encoder makes {made.vector_size} + {made.coherency_rank}; search with the encoder of the index."
        )
    if stored.sparse_rank != made.sparse_rank:
        raise SearchError(
            f"The index {reader.path} holds sparse vectors of rank {stored.sparse_rank} (0: none), the encoder "
            f"makes some of rank {made.sparse_rank}; search with the encoder of the index."
        )
