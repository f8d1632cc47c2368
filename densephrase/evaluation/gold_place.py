"""Gold paragraphs: whether the paragraph of an answer, or a passage, is where a reference answer was marked.

The gold document is the one that the question names, or any that holds the question's context, up to white space. Where
the offsets of the answers are unknown, all of the context is their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from densephrase.data import Answer, Document, Question

_KEPT, _KEPT_LENGTH = 512, 100_000  # texts, characters of each


def is_right_paragraph(question: Question, answers: Sequence[Answer]) -> bool | None:
    """Tell whether the first answer's paragraph overlaps a reference answer where that was marked; None if unknown."""
    if not knows_gold_place(question):
        return None
    if not answers:
        return False
    best = answers[0].evidence[0]
    return overlaps(gold_places(question, best.document), best.paragraph_start, best.paragraph_end)


def knows_gold_place(question: Question) -> bool:
    """Tell whether it is known of a question where its reference answers were marked."""
    marked = any(start >= 0 for start in question.answer_starts)
    return question.context is not None or bool(question.document and marked)


def gold_places(question: Question, document: Document) -> list[tuple[int, int]]:
    """Return the ranges of the document's text in which reference answers were marked; empty for any other document."""
    if not knows_gold_place(question) or question.document not in ("", document.id):
        return []
    return list(_places(question, document.text))


def overlaps(places: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """Tell whether the paragraph `[start, end)` overlaps one of the places."""
    return any(first < end and start < last for first, last in places)


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
    whole, part = visible_text(text), visible_text(context)
    found = whole.find(part)
    if found < 0:
        return
    visible = np.flatnonzero([not character.isspace() for character in text])
    order = np.cumsum([not character.isspace() for character in context]) - 1
    while found >= 0:
        yield visible[found + np.maximum(order, 0)].tolist()
        found = whole.find(part, found + 1)


def visible_text(text: str) -> str:
    """Return a text without white space; those of the last documents are kept, for the questions that follow."""
    return _kept_visible(text) if len(text) <= _KEPT_LENGTH else _without_white_space(text)


def _without_white_space(text: str) -> str:
    return "".join(text.split())


_kept_visible = lru_cache(_KEPT)(_without_white_space)
