"""Score paragraphs and documents by the terms they share with a question."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError, SearchError
from densephrase.index.columns import MappedColumns, map_columns
from densephrase.index.strings import StringColumn
from densephrase.kernels.postings import best_paragraphs
from densephrase.terms.analyser import Analyser
from densephrase.terms.bm25 import BM25, DOCUMENT_BM25, PARAGRAPH_BM25
from densephrase.terms.postings import Postings
from densephrase.terms.term_writer import write_term_index

__all__ = ["TermIndex", "TermScores", "write_term_index"]


@dataclass(frozen=True, slots=True)
class TermScores:
    """BM25 of every paragraph and every document for one question: float32 [paragraphs], float32 [documents]."""

    paragraph: NDArray[np.float32]
    document: NDArray[np.float32]
    paragraph_document: NDArray[np.int32]

    def top(self, k: int, paragraph_weight: float, document_weight: float) -> NDArray[np.int64]:
        """Return the rows of the best paragraphs, int64 [at most k], best first; equal ones by row.

        Ranked by paragraph_weight * paragraph score + document_weight * document score, computed in float32, among
        the paragraphs that hold a term of the question themselves; so there can be fewer than k, even none.

        Raises:
            SearchError: if k is less than 1.
        """
        if k < 1:
            raise SearchError(f"The number of paragraphs to find must be at least 1; got {k}.")
        rows = np.empty(min(k, self.paragraph.size), np.int64)
        totals = np.empty(rows.size, np.float32)
        weights = np.float32(paragraph_weight), np.float32(document_weight)
        found = best_paragraphs(self.paragraph, self.document, self.paragraph_document, *weights, rows, totals)
        return rows[:found]

    def at(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the scores of the paragraphs `rows` and of their documents, float32 [rows] each."""
        return self.paragraph[rows], self.document[self.paragraph_document[rows]]


class TermIndex:
    """The inverted index of a segment, mapped; document frequencies, counts and average lengths come from it.

    Immutable after opening and safe to share between threads.
    """

    def __init__(
        self, columns: MappedColumns, paragraph_bm25: BM25 = PARAGRAPH_BM25, document_bm25: BM25 = DOCUMENT_BM25
    ) -> None:
        """Check the columns of a terms.h5 and derive the statistics; IndexFormatError where they do not fit."""
        offsets = columns.require("vocabulary_offsets", "int64", (None,))
        self.vocabulary = StringColumn(columns.require("vocabulary_blob", "uint8", (None,)), offsets)
        self.paragraphs = Postings.from_columns(columns, "paragraph", len(self.vocabulary), paragraph_bm25)
        self.documents = Postings.from_columns(columns, "document", len(self.vocabulary), document_bm25)
        self.paragraph_document = _paragraph_document(columns, self.paragraphs, self.documents)
        self.analyser = Analyser.from_name(str(columns.attributes.get("analyser", "")))

    @classmethod
    def open(
        cls, path: str | Path, paragraph_bm25: BM25 = PARAGRAPH_BM25, document_bm25: BM25 = DOCUMENT_BM25
    ) -> TermIndex:
        """Map the file that `write_term_index` wrote.

        Raises:
            IndexFormatError: if it is missing, damaged, or made with a text analyser that this version lacks.
        """
        return cls(map_columns(Path(path)), paragraph_bm25, document_bm25)

    def score(self, terms: Iterable[str]) -> TermScores:
        """Return the BM25 scores for the terms of a question, as `TermIndex.analyser` gives them.

        A term counts as often as it is repeated; the order of the terms makes no difference; unknown terms and no
        terms at all score nothing.

        Raises:
            IndexFormatError: if the postings of a term are damaged.
        """
        found = [row for row in map(self._find, terms) if row is not None]
        term_ids, counts = np.unique(np.array(found, np.int64), return_counts=True)
        return TermScores(
            self.paragraphs.scores(term_ids, counts), self.documents.scores(term_ids, counts), self.paragraph_document
        )

    def contributions(self, terms: Iterable[str], paragraph: int) -> list[tuple[str, float, float]]:
        """Return each known term of a question, once, with what it adds to a paragraph's score and its document's."""
        found = Counter(term for term in terms if self._find(term) is not None)
        term_ids = np.array([self._find(term) for term in found], np.int64)
        counts = np.array(list(found.values()), np.int64)
        document = int(self.paragraph_document[paragraph])
        by_paragraph = self.paragraphs.contributions(term_ids, counts, paragraph)
        by_document = self.documents.contributions(term_ids, counts, document)
        return list(zip(found, by_paragraph.tolist(), by_document.tolist(), strict=True))

    def _find(self, term: str) -> int | None:
        row = bisect_left(self.vocabulary, term)
        return row if row < len(self.vocabulary) and self.vocabulary[row] == term else None


def _paragraph_document(columns: MappedColumns, paragraphs: Postings, documents: Postings) -> NDArray[np.int32]:
    column = columns.require("paragraph_document", "int32", (paragraphs.length.size,))
    if column.size and not 0 <= column.min() <= column.max() < documents.length.size:
        raise IndexFormatError(
            f"{columns.path}: column paragraph_document names document rows {column.min()} to {column.max()} of "
            f"{documents.length.size}; the file is damaged, rebuild the index"
        )
    return column
