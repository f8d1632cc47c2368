"""Documents that a search leaves out, as rows that must not become candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import SearchError
from densephrase.index.index_reader import IndexReader
from densephrase.index.lists.inverted_lists import InvertedLists


@dataclass(frozen=True, slots=True)
class Exclusion:
    """The rows of some documents: ascending, disjoint, half-open ranges of global rows, int64 [documents, 2] each.

    Only candidates are left out: document frequencies and lengths still count the documents, as in any index whose
    answers are filtered.
    """

    starts: NDArray[np.int64]
    paragraphs: NDArray[np.int64]

    @classmethod
    def of(cls, reader: IndexReader, ids: Sequence[str]) -> Exclusion:
        """Find the rows of the documents with these ids.

        Raises:
            SearchError: if no document has one of the ids.
        """
        rows = sorted({_document_rows(reader, identity) for identity in ids})
        ranges = np.array(rows, np.int64).reshape(-1, 2, 2)
        return cls(ranges[:, 0], ranges[:, 1])

    @property
    def start_count(self) -> int:
        """How many start rows are left out."""
        return int((self.starts[:, 1] - self.starts[:, 0]).sum())

    def covers(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say of start rows, of any shape, which are left out."""
        inside: NDArray[np.bool_] = np.searchsorted(self.starts.ravel(), rows, side="right") % 2 == 1
        return inside

    def remaining(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the ranges of start rows between `first` and `last` that are not left out, int64 [R, 2]."""
        inside = np.clip(self.starts, first, last)
        return np.concatenate([[first], inside.ravel(), [last]]).reshape(-1, 2)

    def cut(self, lists: InvertedLists, ranges: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what remains of ranges [R, 2] of rows of inverted lists, in each of which start rows ascend."""
        if not self.starts.size:
            return ranges
        pieces = [
            np.concatenate([[first], first + np.searchsorted(lists.ids[first:last], self.starts.ravel()), [last]])
            for first, last in ranges.tolist()
        ]
        return np.concatenate([np.empty(0, np.int64), *pieces]).reshape(-1, 2)


def _document_rows(reader: IndexReader, identity: str) -> tuple[int, int, int, int]:
    """Return the first and the last (exclusive) start row and paragraph of a document."""
    for number, shard in enumerate(reader.shards):
        row = shard.document_ids.find(identity)
        if row is not None:
            first, last = shard.document_paragraph_ptr[row : row + 2]
            starts = shard.paragraph_start_ptr[[first, last]] + reader.bases.starts[number]
            paragraphs = np.array([first, last]) + reader.bases.paragraphs[number]
            return int(starts[0]), int(starts[1]), int(paragraphs[0]), int(paragraphs[1])
    raise SearchError(
        f"There is no document {identity!r} in {reader.path} to leave out; ids are those of the corpus, as each "
        "answer's document.id gives them."
    )
