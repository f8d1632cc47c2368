"""Gold paragraphs: whether the paragraph of an answer is where a reference answer was marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from densephrase.data import Answer, Question


def is_right_paragraph(question: Question, answers: Sequence[Answer]) -> bool | None:
    """Tell whether the first answer's paragraph overlaps a reference answer where that was marked; None if unknown.

    The gold document is the one that the question names, or any that holds the question's context, up to white space.
    Where the offsets of the answers are unknown, all of the context is their place.
    """
    starts = [start for start in question.answer_starts if start >= 0]
    if question.context is None and not (question.document and starts):
        return None
    if not answers or question.document not in ("", answers[0].document.id):
        return False
    best = answers[0].evidence[0]
    places = _places(question, best.document.text)
    return any(first < best.paragraph_end and best.paragraph_start < last for first, last in places)


def _places(question: Question, text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of `text` in which reference answers stand."""
    marked = [
        (start, start + max(1, len(answer)))
        for answer, start in zip(question.answers, question.answer_starts, strict=True)
        if start >= 0
    ]
    if question.context is None:
        yield from marked
        return
    for place in _contexts(question.context, text):
        yield from ((place[first], place[last - 1] + 1) for first, last in marked or [(0, len(place))])


def _contexts(context: str, text: str) -> Iterator[Sequence[int]]:
    """Yield where each character of a context stands in a text, for each time that it does."""
    if not context.strip():
        return
    found = text.find(context)
    while found >= 0:
        yield range(found, found + len(context))
        found = text.find(context, found + 1)
    if context not in text:
        yield from _squeezed_contexts(context, text)


def _squeezed_contexts(context: str, text: str) -> Iterator[Sequence[int]]:
    """Yield the same where white space differs; a space of the context counts to the character before it."""
    whole, part = "".join(text.split()), "".join(context.split())
    found = whole.find(part)
    if found < 0:
        return
    visible = np.flatnonzero([not character.isspace() for character in text])
    order = np.cumsum([not character.isspace() for character in context]) - 1
    while found >= 0:
        yield visible[found + np.maximum(order, 0)].tolist()
        found = whole.find(part, found + 1)
