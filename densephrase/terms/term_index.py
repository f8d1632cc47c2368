"""Score paragraphs and documents by the terms they share with a question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError, SearchError
from densephrase.kernels.selection import top_k
from densephrase.kernels.strings import find_strings
from densephrase.storage.columns import MappedColumns, map_columns
from densephrase.storage.strings import StringColumn, pack_strings
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
        rows = np.flatnonzero(self.paragraph > 0)
        documents = np.float32(document_weight) * self.document[self.paragraph_document[rows]]
        totals = np.float32(paragraph_weight) * self.paragraph[rows] + documents
        best = np.empty(min(k, rows.size), np.int64)
        top_k(totals, np.empty(best.size, np.float32), best)
        return rows[best]


class TermIndex:
    """The inverted index of a segment, mapped; document frequencies, counts and average lengths come from it.

    Immutable after opening and safe to share between threads.
    """

    def __init__(
        self, columns: MappedColumns, paragraph_bm25: BM25 = PARAGRAPH_BM25, document_bm25: BM25 = DOCUMENT_BM25
    ) -> None:
        """Check the columns of a terms.h5 and derive the statistics; IndexFormatError where they do not fit."""
        offsets = columns.require("vocabulary_offsets", "int64", (None,))
        blob = columns.require("vocabulary_blob", "uint8", (None,))
        self.vocabulary = StringColumn(blob, offsets, f"{columns.path}: column 'vocabulary_blob'")
        self.paragraphs = Postings.from_columns(columns, "paragraph", len(self.vocabulary), paragraph_bm25)
        self.documents = Postings.from_columns(columns, "document", len(self.vocabulary), document_bm25)
        self.paragraph_document = _paragraph_document(columns, self.paragraphs, self.documents)
        self.analyser = Analyser.from_name(str(columns.attributes.get("analyser", "")))

    @classmethod
    def open(
        cls,
        path: str | Path,
        paragraph_bm25: BM25 = PARAGRAPH_BM25,
        document_bm25: BM25 = DOCUMENT_BM25,
        is_random: bool = False,
    ) -> TermIndex:
        """Map the file that `write_term_index` wrote; `is_random` as in `densephrase.index.shards.shard.Shard.open`.

        Raises:
            IndexFormatError: if it is missing, damaged, or made with a text analyser that this version lacks.
        """
        columns = map_columns(Path(path))
        opened = cls(columns, paragraph_bm25, document_bm25)
        if is_random:
            columns.expect_random()
        return opened

    def score(self, terms: Iterable[str]) -> TermScores:
        """Return the BM25 scores for the terms of a question, as `TermIndex.analyser` gives them.

        A term counts as often as it is repeated; the order of the terms makes no difference; unknown terms and no
        terms at all score nothing.

        Raises:
            IndexFormatError: if the postings of a term are damaged.
        """
        found = self.find(list(terms))
        term_ids, counts = np.unique(found[found >= 0], return_counts=True)
        return TermScores(
            self.paragraphs.scores(term_ids, counts), self.documents.scores(term_ids, counts), self.paragraph_document
        )

    def contributions(self, terms: Iterable[str], paragraph: int) -> list[tuple[str, float, float]]:
        """Return each known term of a question, once, with what it adds to a paragraph's score and its document's."""
        counted = Counter(terms)
        rows = self.find(list(counted))
        is_known = rows >= 0
        found = [term for term, known in zip(counted, is_known.tolist(), strict=True) if known]
        term_ids, counts = rows[is_known], np.array(list(counted.values()), np.int64)[is_known]
        document = int(self.paragraph_document[paragraph])
        by_paragraph = self.paragraphs.contributions(term_ids, counts, paragraph)
        by_document = self.documents.contributions(term_ids, counts, document)
        return list(zip(found, by_paragraph.tolist(), by_document.tolist(), strict=True))

    def find(self, terms: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each term in the vocabulary, int64 [terms], -1 for an unknown one."""
        rows = np.empty(len(terms), np.int64)
        find_strings(*self.vocabulary.columns, *pack_strings(terms), rows)
        return rows


def _paragraph_document(columns: MappedColumns, paragraphs: Postings, documents: Postings) -> NDArray[np.int32]:
    column = columns.require("paragraph_document", "int32", (paragraphs.length.size,))
    if column.size and not 0 <= column.min() <= column.max() < documents.length.size:
        raise IndexFormatError(
            f"{columns.path}: column paragraph_document names document rows {column.min()} to {column.max()} of "
            f"{documents.length.size}; the file is damaged, rebuild the index"
        )
    return column
