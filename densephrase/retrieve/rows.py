"""What passage retrievers need of an index: paragraphs by row, their terms, and where there are any their vectors."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.terms.term_index import TermIndex


class VectorRows(Protocol):
    """The vectors of P paragraphs, quantised."""

    @property
    def codes(self) -> NDArray[np.int8]:
        """The codes of each row, int8 [P, D]."""

    @property
    def quantiser(self) -> VectorQuantiser:
        """What codes stand for."""

    @property
    def lists(self) -> InvertedLists | None:
        """The same rows, all of their codes, list by list; None: all rows are scanned."""


class PassageRows(Protocol):
    """The paragraphs of an index, row by row in the order of the corpus."""

    @property
    def count(self) -> int:
        """How many paragraphs there are."""

    @property
    def terms(self) -> TermIndex:
        """The inverted index of their terms."""

    @property
    def vectors(self) -> VectorRows | None:
        """Their vectors; None without an encoder."""

    def paragraph(self, row: int) -> tuple[Document, int, int]:
        """Return the document of a paragraph and its offsets there."""
