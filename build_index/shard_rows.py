"""The kept rows of one side (start or end) of a shard, gathered chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph, SparseRows
from densephrase.errors import BuildError
from densephrase.index.shard import Side
from densephrase.index.shard_format import LARGEST_NARROW, PLACE


@dataclass(slots=True)
class ShardRows:
    """Columns of the rows of one side, as pieces that follow one another, and how many rows each paragraph has."""

    side: Side
    row_size: int
    sparse: bool
    rows: list[int] = field(default_factory=list)
    sparse_entries: list[int] = field(default_factory=list)  # of each paragraph
    pieces: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        place = np.empty(0, np.int32)
        self.pieces = {"token": [place], "char": [place], "codes": [np.empty((0, self.row_size), np.int8)]}
        if self.sparse:
            none = np.empty(0, np.uint8)
            self.pieces |= {"sparse_count": [none], "sparse_entries": [np.empty(0, np.int16)], "sparse_weights": [none]}

    def add(self, encoded: Sequence[EncodedParagraph]) -> None:
        """Add the rows of some paragraphs.

        Raises:
            BuildError: if they are not what the encoder's configuration promises.
        """
        columns = {name: [getattr(item, f"{self.side}_{name}") for item in encoded] for name in ("token", "char")}
        columns["codes"] = [self._checked_codes(getattr(item, f"{self.side}_codes")) for item in encoded]
        self.rows += [len(token) for token in columns["token"]]
        if self.sparse:
            vectors = [self._checked_sparse(item) for item in encoded]
            columns["sparse_count"] = [np.diff(item.pointers).astype(np.uint8) for item in vectors]
            columns["sparse_entries"] = [item.entries for item in vectors]
            columns["sparse_weights"] = [item.weights for item in vectors]
            self.sparse_entries += [len(item.entries) for item in vectors]
        for name, members in columns.items():
            self.pieces[name].append(np.concatenate(members))

    def columns(self) -> dict[str, list[NDArray[Any]]]:
        """Return the columns as they are stored, and the pointers of each paragraph to its rows."""
        columns: dict[str, list[NDArray[Any]]] = {f"paragraph_{self.side}_ptr": [pointers(self.rows)]}
        if self.sparse:
            columns[f"{self.side}_sparse_ptr"] = [pointers(self.sparse_entries)]
        for name, pieces in self.pieces.items():
            columns[f"{self.side}_{name}"] = narrow(pieces) if name in ("token", "char") else pieces
        return columns

    def _checked_codes(self, codes: NDArray[np.int8]) -> NDArray[np.int8]:
        if codes.dtype != np.int8 or codes.shape[1:] != (self.row_size,):
            raise BuildError(
                f"The encoder returned rows of {codes.dtype} {codes.shape}; its configuration promises int8 rows "
                f"of {self.row_size} codes."
            )
        return codes

    def _checked_sparse(self, item: EncodedParagraph) -> SparseRows:
        vectors: SparseRows | None = getattr(item, f"{self.side}_sparse")
        rows = len(getattr(item, f"{self.side}_token"))
        if vectors is None or len(vectors.pointers) != rows + 1 or len(item.token_ids) != item.tokens:
            raise BuildError(
                f"The encoder returned no sparse vectors for {rows} kept {self.side}s, or not the word pieces of all "
                f"{item.tokens} tokens; its configuration promises both (sparc_size is not 0)."
            )
        sizes = np.diff(vectors.pointers)
        if sizes.size and not 0 <= sizes.min() <= sizes.max() <= 255:
            raise BuildError(f"The encoder returned a sparse vector of {sizes.max()} entries; a row holds at most 255.")
        return vectors


def narrow(pieces: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a column of places in its narrower type where all values fit."""
    largest = max(int(piece.max(initial=0)) for piece in pieces)
    dtype = PLACE[0] if largest <= LARGEST_NARROW else PLACE[1]
    return [piece.astype(dtype) for piece in pieces]


def pointers(lengths: Sequence[int]) -> NDArray[np.int64]:
    """Return where each of some pieces begins that follow one another, and where the last one ends."""
    begins = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=begins[1:])
    return begins
