"""Distant supervision: right spans have an answer's text anywhere, or only where the answer was marked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from densephrase.corpus.files.articles import plain_title
from densephrase.data import Question
from densephrase.index.index_reader import IndexReader
from densephrase.metrics import normalise_answer

AnswerPlace = tuple[int, int, int]  # document, first code point and last (exclusive) of its text


class RightSpans:
    """Labels spans; `places` holds, by question id, where answers were marked. Others count wherever they stand."""

    def __init__(self, places: Mapping[str, Sequence[AnswerPlace]]) -> None:
        self._places = places

    def labels(
        self,
        question: Question,
        documents: NDArray[np.int64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        text: Callable[[int], str],
    ) -> NDArray[np.bool_]:
        """Tell which spans [P] are right: those with an answer's text, at a marked place if one is known.

        `text` returns the text of a document's global row.
        """
        references = {normalise_answer(answer) for answer in question.answers}
        spans = list(zip(documents.tolist(), starts.tolist(), ends.tolist(), strict=True))
        right = [normalise_answer(text(document)[start:end]) in references for document, start, end in spans]
        places = self._places.get(question.id, ())
        if places:
            right = [match and _overlaps(span, places) for match, span in zip(right, spans, strict=True)]
        return np.array(right, bool)


def find_places(reader: IndexReader, questions: Sequence[Question]) -> dict[str, list[AnswerPlace]]:
    """Return where the answers are marked in the index's documents, by question id.

    Questions are left out whose paragraph is not in a document of their title, or whose answers carry no offset.
    """
    documents: dict[str, list[int]] = {}
    for shard, base in zip(reader.shards, reader.bases.documents.tolist(), strict=False):
        for row, title in enumerate(shard.titles):
            documents.setdefault(plain_title(title), []).append(base + row)
    texts: dict[int, str] = {}
    places: dict[str, list[AnswerPlace]] = {}
    for question in questions:
        for row in documents.get(plain_title(question.title), ()):
            if row not in texts:
                texts[row] = reader.document(row).text
            found = _marked(question, row, texts[row])
            if found:
                places.setdefault(question.id, []).extend(found)
    return places


def _marked(question: Question, document: int, text: str) -> list[AnswerPlace]:
    """Return the marked answers in a document; none where it does not hold the question's paragraph."""
    context = question.context or ""
    paragraph = context.strip()
    at = text.find(paragraph) if paragraph else -1
    if at < 0:
        return []
    first = at - context.index(paragraph)
    marked = zip(question.answers, question.answer_starts, strict=True)
    return [(document, first + start, first + start + len(answer)) for answer, start in marked if start >= 0]


def _overlaps(span: AnswerPlace, places: Sequence[AnswerPlace]) -> bool:
    document, start, end = span
    return any(document == row and start < last and first < end for row, first, last in places)
