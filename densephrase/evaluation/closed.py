"""Closed evaluation: the best span of each question's own paragraph, without an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from densephrase.confidence.model import (
    RIVALS,
    SPANS,
    Candidate,
    ConfidenceModel,
    Rival,
    answer_features,
    missing_confidence,
)
from densephrase.data import Question
from densephrase.encoder.encoded import ParagraphInput, QuestionNgrams, QuestionVectors
from densephrase.errors import QuestionError
from densephrase.evaluation.result import Result, score_span
from densephrase.evaluation.spans import ParagraphSpans, paragraph_spans
from densephrase.metrics import answer_name
from densephrase.search.answers.grouping import distinct, group_spans, ranked
from densephrase.search.answers.phrase_borders import phrase_borders

if TYPE_CHECKING:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

_BATCH_PARAGRAPHS = 128  # enough for the encoder to put paragraphs of like length together
_BATCH_QUESTIONS = 64


def evaluate_closed(
    encoder: PhraseEncoder, questions: Sequence[Question], min_confidence: float | None = None
) -> Iterator[Result]:
    """Yield the result of each question; one whose answer has a smaller confidence counts as not answered.

    The score has no term parts: they are the same for all spans of a paragraph.
    Raises QuestionError when a question has no context, SearchError when a confidence is asked for and none was fitted.
    """
    model = ConfidenceModel.of(encoder.config.confidence, "closed")
    if model is None and min_confidence is not None:
        raise missing_confidence("closed")
    for question, spans in closed_spans(encoder, questions):
        best = spans.best()
        if best is None:
            yield score_span(question, None)
            continue
        confidence = None if model is None else model.probability(closed_features(question, spans, best))
        withheld = confidence is not None and confidence < (min_confidence or 0.0)
        yield score_span(question, None if withheld else _to_dict(question, spans, best, confidence))


def closed_features(question: Question, spans: ParagraphSpans, row: int) -> dict[str, float]:
    """Return what the confidence in one span of the question's paragraph is computed from."""
    text = question.context or ""
    borders = partial(closed_borders, question, spans)

    def name(row: int) -> str:
        return answer_name(text[slice(*borders(row))])

    rows = distinct(ranked(spans.score.astype(np.float64), SPANS), borders)
    groups = group_spans(rows, name, RIVALS, SPANS)
    rivals = [Rival(name(group[0]), tuple(spans.score[group].tolist()), "") for group in groups]
    candidate = Candidate(text[slice(*borders(row))], name(row), spans.parts(row), "")
    return answer_features(question.text, candidate, rivals)


def closed_borders(question: Question, spans: ParagraphSpans, row: int) -> tuple[int, int]:
    """Return the borders of the phrase that one span of the question's paragraph cites, as a search does."""
    return phrase_borders(question.context or "", int(spans.start[row]), int(spans.end[row]))


def closed_spans(encoder: PhraseEncoder, questions: Sequence[Question]) -> Iterator[tuple[Question, ParagraphSpans]]:
    """Yield each question with the spans of its paragraph; every paragraph is encoded once, in its stored form.

    Raises QuestionError when a question has no context.
    """
    groups: dict[ParagraphInput, list[Question]] = {}
    for question in questions:
        if question.context is None:
            raise QuestionError(
                f"Question {question.id!r} has no context. A closed evaluation answers each question from its own"
                " paragraph; build an index and evaluate over that instead."
            )
        groups.setdefault(ParagraphInput(question.context, question.title), []).append(question)
    paragraphs = list(groups)
    for first in range(0, len(paragraphs), _BATCH_PARAGRAPHS):
        batch = paragraphs[first : first + _BATCH_PARAGRAPHS]
        yield from _batch_spans(encoder, batch, [groups[paragraph] for paragraph in batch])


def _batch_spans(
    encoder: PhraseEncoder, paragraphs: Sequence[ParagraphInput], asked: Sequence[Sequence[Question]]
) -> Iterator[tuple[Question, ParagraphSpans]]:
    encoded = encoder.encode_paragraphs(paragraphs)
    vectors = _question_vectors(encoder, [question.text for group in asked for question in group])
    row = 0
    for stored, group in zip(encoded, asked, strict=True):
        rows = slice(row, row + len(group))
        yield from zip(group, paragraph_spans(encoder, stored, vectors.part(rows)), strict=True)
        row = rows.stop


def _question_vectors(encoder: PhraseEncoder, texts: Sequence[str]) -> QuestionVectors:
    """Encode questions next to others of like length, because all of a batch are padded to its longest."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    shape = (len(texts), encoder.config.vector_size)
    start, end = np.empty(shape, np.float32), np.empty(shape, np.float32)
    sparse: dict[int, QuestionNgrams] = {}
    for first in range(0, len(order), _BATCH_QUESTIONS):
        rows = order[first : first + _BATCH_QUESTIONS]
        vectors = encoder.encode_questions([texts[row] for row in rows])
        start[rows], end[rows] = vectors.start, vectors.end
        sparse |= dict(zip(rows.tolist(), vectors.sparse or (), strict=False))
    return QuestionVectors(start, end, tuple(sparse[row] for row in range(len(texts))) if sparse else None)


def _to_dict(question: Question, spans: ParagraphSpans, row: int, confidence: float | None) -> dict[str, Any]:
    start, end = closed_borders(question, spans, row)
    text = (question.context or "")[start:end]
    return {"text": text, "score": float(spans.score[row]), "confidence": confidence, "start": start, "end": end}
