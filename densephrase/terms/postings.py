"""The postings of one unit (paragraphs or documents) with the statistics that BM25 derives from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.storage.columns import MappedColumns
from densephrase.terms.bm25 import BM25

PACKED_BITS = "frequency_bits"  # attribute of a file of packed postings
FREQUENCY_BITS = 8
MOST_PACKED = 1 << (31 - FREQUENCY_BITS)  # texts


@dataclass(frozen=True, slots=True)
class Postings:
    """Which of `length.size` texts hold which term, and how often.

    The texts of term t are `ids[ptr[t]:ptr[t + 1]]`, ascending, with frequencies `tf` beside them. Packed postings are
    one number each, text * 2**`shift` + frequency, and `tf` is empty; `is_stored` is False where an index has none.
    """

    ptr: NDArray[np.int64]
    ids: NDArray[np.int32]
    tf: NDArray[np.uint16]
    length: NDArray[np.int32]
    bm25: BM25
    length_norm: NDArray[np.float32]
    shift: int = 0
    is_stored: bool = True

    @classmethod
    def from_columns(cls, columns: MappedColumns, unit: str, vocabulary_size: int, bm25: BM25) -> Postings:
        """Take the columns of `unit` after checking that they fit together.

        Raises:
            IndexFormatError: if a column is missing, or of a type, size or content that cannot be searched safely.
        """
        length = columns.require(f"{unit}_length", "int32", (None,))
        if length.min(initial=0) < 0:
            raise IndexFormatError(f"{columns.path}: column {unit}_length counts {length.min()} terms; rebuild it")
        shift = columns.attributes.get(PACKED_BITS, 0)
        if shift not in (0, FREQUENCY_BITS):
            raise IndexFormatError(
                f"{columns.path}: {PACKED_BITS} is {shift!r}, expected 0 or {FREQUENCY_BITS}; rebuild it"
            )
        shift = int(shift)
        if shift and f"{unit}_ptr" not in columns:
            return cls(
                ptr=read_only(np.zeros(vocabulary_size + 1, np.int64)),
                ids=read_only(np.empty(0, np.int32)),
                tf=read_only(np.empty(0, np.uint16)),
                length=length,
                bm25=bm25,
                length_norm=bm25.length_norm(length),
                shift=shift,
                is_stored=False,
            )
        ptr = columns.require(f"{unit}_ptr", "int64", (vocabulary_size + 1,))
        ids = columns.require(f"{unit}_ids", "int32", (None,))
        no_tf = read_only(np.empty(0, np.uint16))
        tf = no_tf if shift else columns.require(f"{unit}_tf", "uint16", (ids.size,))
        if ptr[0] != 0 or ptr[-1] != ids.size or np.any(ptr[1:] < ptr[:-1]):
            raise IndexFormatError(
                f"{columns.path}: column {unit}_ptr does not divide {ids.size} postings among {vocabulary_size} terms; "
                "the file is damaged, rebuild the index"
            )
        norm = bm25.length_norm(length)
        return cls(ptr=ptr, ids=ids, tf=tf, length=length, bm25=bm25, length_norm=norm, shift=shift)

    @property
    def texts(self) -> NDArray[np.int32]:
        """The text of each posting."""
        return self.ids >> self.shift if self.shift else self.ids

    @property
    def frequencies(self) -> NDArray[np.uint16]:
        """How often the term of each posting stands in its text."""
        return (self.ids & ((1 << self.shift) - 1)).astype(np.uint16) if self.shift else self.tf

    def weights(self, term_ids: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what each of some terms, asked `counts` times, weighs in BM25, float32 [terms]."""
        frequency = self.ptr[term_ids + 1] - self.ptr[term_ids]
        return (self.bm25.term_weights(frequency, self.length.size) * counts).astype(np.float32)

    def check(self, damaged: int) -> None:
        """Raise IndexFormatError for a posting that names a text that does not exist; -1 stands for none."""
        if damaged >= 0:
            raise IndexFormatError(
                f"Posting {damaged} of the term index names text {self.texts[damaged]} of {self.length.size}; "
                "the file is damaged, rebuild the index"
            )

    def contributions(self, term_ids: NDArray[np.int64], counts: NDArray[np.int64], text: int) -> NDArray[np.float64]:
        """Return what each term adds to the score of one text, [terms]."""
        weights = self.weights(term_ids, counts)
        share = np.zeros(term_ids.size, np.float64)
        for row, term in enumerate(term_ids.tolist()):
            own = slice(*self.ptr[term : term + 2])
            mine = replace(self, ids=self.ids[own], tf=self.tf[own])
            texts = mine.texts
            place = int(np.searchsorted(texts, text))
            if place < texts.size and texts[place] == text:
                tf = float(mine.frequencies[place])
                share[row] = tf / (tf + float(self.length_norm[text]))
        return weights * share


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Make an array as those of a map are, so that kernels are compiled once for both."""
    array.flags.writeable = False
    return array
