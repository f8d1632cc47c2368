"""Inverted index over the terms of paragraphs and documents: opened, looked up, and what each term adds by BM25."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.kernels.strings import find_strings
from densephrase.storage.columns import MappedColumns, map_columns
from densephrase.storage.strings import StringColumn, pack_strings
from densephrase.terms.analyser import Analyser
from densephrase.terms.bm25 import BM25, DOCUMENT_BM25, PARAGRAPH_BM25
from densephrase.terms.postings import Postings
from densephrase.terms.term_writer import write_term_index

__all__ = ["TermIndex", "write_term_index"]


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
