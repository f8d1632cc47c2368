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
    """The vectors of P paragraphs as codes int8 [P, D], which the quantiser decodes.

    `lists`, where there are any, hold all D codes of each row once more, list by list; None: all rows are scanned.
    """

    @property
    def codes(self) -> NDArray[np.int8]: ...

    @property
    def quantiser(self) -> VectorQuantiser: ...

    @property
    def lists(self) -> InvertedLists | None: ...


class PassageRows(Protocol):
    """The paragraphs of an index, row by row in the order of the corpus; `vectors` is None without an encoder."""

    @property
    def count(self) -> int: ...

    @property
    def terms(self) -> TermIndex: ...

    @property
    def vectors(self) -> VectorRows | None: ...

    def paragraph(self, row: int) -> tuple[Document, int, int]:
        """Return the document of a paragraph and its offsets there."""
