"""The spans of one paragraph that answer its questions, over all of its stored rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densephrase.data import SCORE_PARTS, ScoreParts
from densephrase.encoder.encoded import EncodedParagraph, QuestionVectors
from densephrase.search.prepare.sparse_vectors import END, START, StoredFactors, scores_of_factors

if TYPE_CHECKING:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder


@dataclass(frozen=True, slots=True)
class ParagraphSpans:
    """A paragraph's starts with their best ends for one question, [S] each, in the order of the paragraph.

    start and end (exclusive) are code points of the paragraph, int32; score is the sum of the parts, all float32.
    Starts without an end within `max_answer_tokens` are left out.
    """

    start: NDArray[np.int32]
    end: NDArray[np.int32]
    score: NDArray[np.float32]
    dense_start: NDArray[np.float32]
    dense_end: NDArray[np.float32]
    coherency: NDArray[np.float32]
    sparc_start: NDArray[np.float32]
    sparc_end: NDArray[np.float32]

    def best(self) -> int | None:
        """Return the row of the best span, the first of equal ones; None where there is no span."""
        return int(self.score.argmax()) if self.score.size else None

    def parts(self, row: int) -> ScoreParts:
        """Return the parts of one span's score; those that need a whole index are 0."""
        columns = (getattr(self, part, None) for part in SCORE_PARTS)
        return ScoreParts(*(0.0 if column is None else float(column[row]) for column in columns))


def paragraph_spans(
    encoder: PhraseEncoder, paragraph: EncodedParagraph, questions: QuestionVectors
) -> Iterator[ParagraphSpans]:
    """Yield the spans for each question.

    Ties between ends go to the smallest. Score: DenSPI (Seo et al. 2019), section 3, and Sparc (Lee et al. 2020),
    section 3.
    """
    size = encoder.config.vector_size
    first, stop = reach(paragraph, encoder.config.max_answer_tokens)
    rows = np.flatnonzero(stop > first)
    ends = first[rows, None] + np.arange(int((stop - first).max(initial=1)))
    reachable = ends < stop[rows, None]
    ends[~reachable] = 0
    start_rows = encoder.start_quantiser.decode(paragraph.start_codes[rows])
    end_rows = encoder.end_quantiser.decode(paragraph.end_codes)
    coherency = np.einsum("sr,swr->sw", start_rows[:, size:], end_rows[ends, size:])
    coherency[~reachable] = -np.inf
    dense_start, dense_end = questions.start @ start_rows[:, :size].T, questions.end @ end_rows[:, :size].T
    for number, (of_starts, of_ends) in enumerate(zip(dense_start, dense_end, strict=True)):
        sparc_start, sparc_end = _sparse(encoder, paragraph, questions, number)
        scores = (of_starts + sparc_start[rows])[:, None] + (of_ends + sparc_end)[ends] + coherency
        best = np.arange(len(rows)), scores.argmax(axis=1)
        chosen = ends[best]
        yield ParagraphSpans(
            start=paragraph.start_char[rows],
            end=paragraph.end_char[chosen],
            score=scores[best],
            dense_start=of_starts,
            dense_end=of_ends[chosen],
            coherency=coherency[best],
            sparc_start=sparc_start[rows],
            sparc_end=sparc_end[chosen],
        )


def _sparse(
    encoder: PhraseEncoder, paragraph: EncodedParagraph, questions: QuestionVectors, number: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the sparse scores of starts and ends, float32 [S] and [E], for one question; 0 where none are made."""
    starts, ends, keys = paragraph.start_sparse, paragraph.end_sparse, paragraph.token_keys
    scale = encoder.sparse_scale
    if questions.sparse is None or starts is None or ends is None or keys is None or scale is None:
        return np.zeros(len(paragraph.start_token), np.float32), np.zeros(len(paragraph.end_token), np.float32)
    ngrams, ids = questions.sparse[number], paragraph.token_ids
    return (
        scores_of_factors(StoredFactors(starts, paragraph.start_token, keys, ids), scale, ngrams, START),
        scores_of_factors(StoredFactors(ends, paragraph.end_token, keys, ids), scale, ngrams, END),
    )


def reach(paragraph: EncodedParagraph, max_answer_tokens: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each start, the range of end rows that its spans may use."""
    first = np.searchsorted(paragraph.end_token, paragraph.start_token)
    stop = np.searchsorted(paragraph.end_token, paragraph.start_token + np.int32(max_answer_tokens))
    return first, stop
