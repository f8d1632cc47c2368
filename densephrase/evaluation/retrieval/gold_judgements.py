"""Judgements from questions: the passages of an index in which their reference answers were marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document, Passage, Question
from densephrase.evaluation.gold_place import gold_places, knows_gold_place, overlaps, visible_text

_WINDOW = 16  # visible characters that a context is recognised by
_HASH_BEGIN = 20  # first bits of a hash that are looked up in a table
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no character is shifted out


def gold_judgements(
    questions: Sequence[Question], paragraphs: Iterable[tuple[Document, int, int]]
) -> dict[str, dict[str, int]]:
    """Return the gold passages of each question by their ids, with grade 1: all that overlap a marked reference answer.

    Questions whose gold paragraph is unknown, or not among the paragraphs, have no entry.

    paragraphs: all that are searched, those of a document one after the other: `reader.paragraph(row)` of each row.
    """
    asked = _AskedDocuments([question for question in questions if knows_gold_place(question)])
    judged: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for _, group in groupby(paragraphs, key=lambda paragraph: paragraph[0].id):
        rows = list(group)
        document = rows[0][0]
        for question in asked.about(document):
            places = gold_places(question, document)
            for _, start, end in rows:
                if overlaps(places, start, end):
                    judged[question.id][Passage(document, start, end, 0.0).id] = 1
    return {question.id: judged[question.id] for question in questions if question.id in judged}


class _AskedDocuments:
    """Finds the few questions that a document can be the gold document of, in time linear in its text.

    The first `_WINDOW` visible characters of each context have a hash, which is compared with those at all places of
    the document. `gold_places` decides.
    """

    def __init__(self, questions: Sequence[Question]) -> None:
        self._by_document: defaultdict[str, list[Question]] = defaultdict(list)
        self._by_hash: defaultdict[int, list[Question]] = defaultdict(list)
        self._short: list[Question] = []  # their contexts are compared with every document
        for question in questions:
            begin = visible_text(question.context or "")[:_WINDOW]
            if question.document:
                self._by_document[question.document].append(question)
            elif len(begin) < _WINDOW:
                self._short.append(question)
            else:
                self._by_hash[int(_hashes(begin)[0])].append(question)
        self._hashes = np.array(sorted(self._by_hash), np.uint64)
        self._begun = np.zeros(1 << _HASH_BEGIN, np.bool_)  # turns most places away without a search
        self._begun[_begin(self._hashes)] = True

    def about(self, document: Document) -> Iterator[Question]:
        """Yield the questions that name the document, and those whose context may stand in it."""
        yield from self._by_document.get(document.id, ())
        yield from self._short
        if self._hashes.size:
            found = _hashes(visible_text(document.text))
            found = found[self._begun[_begin(found)]]
            nearest = self._hashes[np.searchsorted(self._hashes[:-1], found)]
            for known in np.unique(nearest[nearest == found]).tolist():
                yield from self._by_hash[known]


def _begin(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return hashes >> np.uint64(64 - _HASH_BEGIN)


def _hashes(text: str) -> NDArray[np.uint64]:
    """Return the polynomial hash of each `_WINDOW` characters of a text, modulo 2**64, in their order."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = max(0, codes.size - _WINDOW + 1)
    hashes = np.zeros(count, np.uint64)
    for first in range(_WINDOW if count else 0):
        hashes = hashes * _BASE + codes[first : first + count]
    return hashes
