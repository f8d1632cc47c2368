"""Closed evaluation: the best span of each question's own paragraph, without an index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Question
from densephrase.encoder.encoded import ParagraphInput
from densephrase.errors import QuestionError
from densephrase.evaluation.result import Result, score_span
from densephrase.evaluation.spans import best_spans

if TYPE_CHECKING:
    from densephrase.encoder.phrase_encoder import PhraseEncoder

_BATCH_PARAGRAPHS = 128  # enough for the encoder to put paragraphs of like length together
_BATCH_QUESTIONS = 64


def evaluate_closed(encoder: PhraseEncoder, questions: Sequence[Question]) -> Iterator[Result]:
    """Yield the result of each question; every paragraph is encoded once, in its stored form.

    The score is the dense one with its coherency: term parts are the same for all spans of a paragraph.
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
        yield from _answer(encoder, batch, [groups[paragraph] for paragraph in batch])


def _answer(
    encoder: PhraseEncoder, paragraphs: Sequence[ParagraphInput], asked: Sequence[Sequence[Question]]
) -> Iterator[Result]:
    """Answer the questions of one batch of paragraphs."""
    encoded = encoder.encode_paragraphs(paragraphs)
    start, end = _question_vectors(encoder, [question.text for group in asked for question in group])
    row = 0
    for paragraph, stored, group in zip(paragraphs, encoded, asked, strict=True):
        rows = slice(row, row + len(group))
        spans = best_spans(encoder, stored, start[rows], end[rows])
        for question, span in zip(group, spans, strict=True):
            yield score_span(question, None if span is None else _to_dict(paragraph.text, *span))
        row = rows.stop


def _question_vectors(encoder: PhraseEncoder, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Encode questions next to others of like length, because all of a batch are padded to its longest."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    shape = (len(texts), encoder.config.vector_size)
    start, end = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for first in range(0, len(order), _BATCH_QUESTIONS):
        rows = order[first : first + _BATCH_QUESTIONS]
        vectors = encoder.encode_questions([texts[row] for row in rows])
        start[rows], end[rows] = vectors.start, vectors.end
    return start, end


def _to_dict(text: str, start: int, end: int, score: float) -> dict[str, Any]:
    return {"text": text[start:end], "score": score, "start": start, "end": end}
