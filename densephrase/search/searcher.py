"""Search of one index with one encoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Answer
from densephrase.errors import SearchError
from densephrase.index.index_reader import IndexReader
from densephrase.search.answers import AnswerWriter
from densephrase.search.candidates import candidate_starts
from densephrase.search.fixed_point import FixedPointScale, FixedPointVector
from densephrase.search.options import SearchOptions
from densephrase.search.question import PreparedQuestion, Scoring
from densephrase.search.spans import Rescorer

if TYPE_CHECKING:
    from densephrase.encoder.phrase_encoder import PhraseEncoder

_ENCODED_TOGETHER = 64  # questions
_CACHED_DOCUMENTS = 256


class Searcher:
    """Answers questions over a mapped index: candidates, full scores, best ends, groups.

    Holds no state of a search, so threads may share it if they may share the encoder.
    """

    def __init__(self, reader: IndexReader, encoder: PhraseEncoder) -> None:
        """Join an index and the encoder that it was built with; SearchError where their sizes differ."""
        stored, made = reader.manifest.quantisation, encoder.config
        if (stored.vector_size, stored.coherency_rank) != (made.vector_size, made.coherency_rank):
            raise SearchError(
                f"The index {reader.path} holds rows of {stored.vector_size} + {stored.coherency_rank} dimensions, "
                f"the encoder makes {made.vector_size} + {made.coherency_rank}; search with the encoder of the index."
            )
        self._reader, self._encoder = reader, encoder
        self._rescorer = Rescorer(
            reader, FixedPointScale.fold(encoder.start_quantiser, encoder.end_quantiser, made.vector_size)
        )
        self._document = lru_cache(_CACHED_DOCUMENTS)(reader.document)

    def search(self, questions: Sequence[str], options: SearchOptions) -> list[list[Answer]]:
        """Return the answers to each question, best first.

        An empty question, or one of unknown words, has no terms: dense search still answers it, sparse-first search
        finds nothing. Equal scores come in the order of the corpus.
        """
        answers = []
        for first in range(0, len(questions), _ENCODED_TOGETHER):
            batch = questions[first : first + _ENCODED_TOGETHER]
            vectors = self._encoder.encode_questions(batch)
            for text, start, end in zip(batch, vectors.start, vectors.end, strict=True):
                answers.append(self._answer(text, start, end, options))
        return answers

    def warm_up(self) -> None:
        """Compile the kernels and bring the scanned rows into memory, so that the first question is not slow."""
        nothing = np.zeros(self._encoder.config.vector_size, np.float32)
        self._answer("", nothing, nothing, SearchOptions(dense_candidates=1))

    def _answer(
        self, text: str, start: NDArray[np.float32], end: NDArray[np.float32], options: SearchOptions
    ) -> list[Answer]:
        scoring = Scoring.choose(options, self._encoder.config)
        terms = self._reader.terms
        needed = scoring.uses_terms or options.strategy != "dense-first"
        question = PreparedQuestion(
            start,
            FixedPointVector.fold(start, self._encoder.start_quantiser),
            FixedPointVector.fold(end, self._encoder.end_quantiser),
            terms.score(terms.analyser.terms(text) if needed else ()),
        )
        starts = candidate_starts(self._reader, question, options, scoring)
        if not starts.size:
            return []
        spans = self._rescorer.spans(starts, question, scoring)
        return AnswerWriter(spans, options.unit, self._document).answers(options)
