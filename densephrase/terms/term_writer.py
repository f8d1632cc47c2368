"""Write the inverted index of a segment: term frequencies and lengths, no weights."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import BuildError
from densephrase.kernels.postings import count_postings, fill_postings
from densephrase.storage.columns import write_columns
from densephrase.storage.strings import pack_strings
from densephrase.terms.analyser import Analyser
from densephrase.terms.postings import FREQUENCY_BITS, MOST_PACKED, PACKED_BITS


def write_term_index(
    path: Path, paragraphs: Iterable[tuple[int, str, str]], analyser: Analyser, form: TermForm | None = None
) -> dict[str, str]:
    """Write terms.h5 from (document row, title, text) of every paragraph in order; return its checksums.

    The terms of a paragraph are those of its title and its text; the terms of a document are those of its first
    paragraph's title and of all its texts. The same input, analyser and form give the same bytes. Memory: about 20
    bytes per term of the segment at the peak, besides the vocabulary.

    Raises:
        BuildError: if a document row is negative or smaller than the one before it.
    """
    collector = _TermCollector(analyser)
    for document, title, text in paragraphs:
        collector.add(document, title, text)
    attributes: dict[str, str | int | float] = {"analyser": analyser.name}
    columns = collector.columns()
    if form is not None and len(columns["paragraph_length"]) <= MOST_PACKED:
        columns, attributes = _packed(columns, form), {**attributes, PACKED_BITS: FREQUENCY_BITS}
    return write_columns(Path(path), columns, attributes)


@dataclass(frozen=True, slots=True)
class TermForm:
    """What a compact term index holds: postings of one number each, those of documents only where they count."""

    has_documents: bool


def _packed(columns: dict[str, NDArray[Any]], form: TermForm) -> dict[str, NDArray[Any]]:
    """Put frequencies into the low bits of postings; one above the largest counts as the largest."""
    packed = {name: column for name, column in columns.items() if not name.endswith("_tf")}
    for unit in ("paragraph", "document"):
        frequencies = np.minimum(columns[f"{unit}_tf"], (1 << FREQUENCY_BITS) - 1).astype(np.int32)
        packed[f"{unit}_ids"] = (columns[f"{unit}_ids"] << FREQUENCY_BITS) | frequencies
    if not form.has_documents:
        del packed["document_ptr"], packed["document_ids"]
    return packed


class _TermCollector:
    """The terms of all paragraphs as numbers in order of first sight, four bytes each."""

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser
        self._numbers: defaultdict[str, int] = defaultdict(count().__next__)
        self._title = ""
        self._title_terms: list[int] = []
        self._paragraphs = _TermRows()
        self._documents = _TermRows()
        self._paragraph_document = array("i")

    def add(self, document: int, title: str, text: str) -> None:
        last = self._paragraph_document[-1] if self._paragraph_document else 0
        if document < last:
            raise BuildError(
                f"Paragraph {len(self._paragraph_document)} belongs to document row {document}, but a paragraph of "
                f"document row {last} came before it. Pass the paragraphs in the order of their documents, rows from 0."
            )
        if title != self._title:
            self._title, self._title_terms = title, self._numbered(title)
        text_terms = self._numbered(text)
        self._paragraphs.extend(len(self._paragraph_document), self._title_terms, text_terms)
        is_first = document >= self._documents.count
        self._documents.extend(document, self._title_terms if is_first else [], text_terms)
        self._paragraph_document.append(document)

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns of terms.h5; empties the collector, so that both inversions fit in memory."""
        vocabulary = sorted(self._numbers)
        place = np.empty(len(vocabulary), np.int32)
        place[[self._numbers[term] for term in vocabulary]] = np.arange(len(vocabulary), dtype=np.int32)
        self._numbers.clear()
        blob, offsets = pack_strings(vocabulary)
        return {
            "vocabulary_blob": blob,
            "vocabulary_offsets": offsets,
            "paragraph_document": np.array(self._paragraph_document, np.int32),
            **self._paragraphs.invert("paragraph", place),
            **self._documents.invert("document", place),
        }

    def _numbered(self, text: str) -> list[int]:
        return list(map(self._numbers.__getitem__, self._analyser.terms(text)))


class _TermRows:
    """Term numbers row by row (a row is a paragraph or a document)."""

    def __init__(self) -> None:
        self._terms = array("i")
        self._end = array("q")

    @property
    def count(self) -> int:
        return len(self._end)

    def extend(self, row: int, *term_lists: list[int]) -> None:
        """Add terms to the last row or to a later one; rows that are left out stay empty."""
        self._end.extend([len(self._terms)] * (row + 1 - self.count))
        for terms in term_lists:
            self._terms.fromlist(terms)
        self._end[-1] = len(self._terms)

    def invert(self, unit: str, place: NDArray[np.int32]) -> dict[str, NDArray[np.generic]]:
        """Return the postings by `place` of the term in the vocabulary, rows ascending; empties this object."""
        terms = place[np.frombuffer(self._terms, np.intc)] if self._terms else np.empty(0, np.int32)
        row_end = np.array(self._end, np.int64)
        self._terms, self._end = array("i"), array("q")
        ptr = np.zeros(len(place) + 1, np.int64)
        count_postings(row_end, terms, ptr[1:])
        np.cumsum(ptr, out=ptr)
        ids, tf = np.empty(ptr[-1], np.int32), np.empty(ptr[-1], np.uint16)
        fill_postings(row_end, terms, ptr, ids, tf)
        length = np.diff(row_end, prepend=0).astype(np.int32)
        return {f"{unit}_ptr": ptr, f"{unit}_ids": ids, f"{unit}_tf": tf, f"{unit}_length": length}
