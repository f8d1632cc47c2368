"""The kept rows of one side (start or end) of a shard, gathered chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph
from densephrase.errors import BuildError
from densephrase.index.shard_format import LARGEST_NARROW, PLACE, Side


@dataclass(slots=True)
class ShardRows:
    """Columns of the rows of one side, as pieces that follow one another, and how many rows each paragraph has."""

    side: Side
    row_size: int
    sparse_rank: int  # 0 for no sparse vectors
    rows: list[int] = field(default_factory=list)  # of each paragraph
    pieces: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        place = np.empty(0, np.int32)
        self.pieces = {"token": [place], "char": [place], "codes": [np.empty((0, self.row_size), np.int8)]}
        if self.sparse_rank:
            self.pieces["sparse"] = [np.empty((0, 2 * self.sparse_rank), np.int8)]

    def add(self, encoded: Sequence[EncodedParagraph]) -> None:
        """Add the rows of some paragraphs.

        Raises:
            BuildError: if they are not what the encoder's configuration promises.
        """
        columns = {name: [getattr(item, f"{self.side}_{name}") for item in encoded] for name in ("token", "char")}
        columns["codes"] = [self._checked(getattr(item, f"{self.side}_codes"), self.row_size) for item in encoded]
        self.rows += [len(token) for token in columns["token"]]
        if self.sparse_rank:
            vectors = [getattr(item, f"{self.side}_sparse") for item in encoded]
            columns["sparse"] = [self._checked(item, 2 * self.sparse_rank) for item in vectors]
        for name, members in columns.items():
            self.pieces[name].append(np.concatenate(members))

    def columns(self) -> dict[str, list[NDArray[Any]]]:
        """Return the columns as they are stored, and the pointers of each paragraph to its rows."""
        columns: dict[str, list[NDArray[Any]]] = {f"paragraph_{self.side}_ptr": [pointers(self.rows)]}
        for name, pieces in self.pieces.items():
            columns[f"{self.side}_{name}"] = narrow(pieces) if name in ("token", "char") else pieces
        return columns

    def _checked(self, codes: NDArray[np.int8] | None, size: int) -> NDArray[np.int8]:
        if codes is None or codes.dtype != np.int8 or codes.shape[1:] != (size,):
            found = "no rows" if codes is None else f"rows of {codes.dtype} {codes.shape}"
            raise BuildError(
                f"The encoder returned {found} for {self.side}s; its configuration promises int8 rows of {size} codes."
            )
        return codes


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
