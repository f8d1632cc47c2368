"""The kept rows of one side (start or end) of a shard, gathered chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph
from densephrase.errors import BuildError
from densephrase.index.format.shard_format import LARGEST_NARROW, PLACE, Side


@dataclass(slots=True)
class SideRows:
    """Columns of the rows of one side, as pieces that follow one another, and how many rows each paragraph has."""

    side: Side
    dtype: str  # of the codes of a row
    row_size: int
    factor_dtype: str
    factors: int  # codes of the sparse vector of a row
    has_sparse: bool
    rows: list[int] = field(default_factory=list)  # of each paragraph
    pieces: dict[str, list[NDArray[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        place = np.empty(0, np.int32)
        self.pieces = {"token": [place], "char": [place], "codes": [np.empty((0, self.row_size), self.dtype)]}
        if self.has_sparse:
            self.pieces["sparse"] = [np.empty((0, self.factors), self.factor_dtype)]

    def add(self, encoded: Sequence[EncodedParagraph]) -> None:
        """Add the rows of some paragraphs.

        Raises:
            BuildError: if they are not what the encoder's configuration promises.
        """
        columns = {name: [getattr(item, f"{self.side}_{name}") for item in encoded] for name in ("token", "char")}
        columns["codes"] = [
            self._checked(getattr(item, f"{self.side}_codes"), self.dtype, self.row_size) for item in encoded
        ]
        self.rows += [len(token) for token in columns["token"]]
        if self.has_sparse:
            vectors = [getattr(item, f"{self.side}_sparse") for item in encoded]
            columns["sparse"] = [self._checked(item, self.factor_dtype, self.factors) for item in vectors]
        for name, members in columns.items():
            self.pieces[name].append(np.concatenate(members))

    def columns(self) -> dict[str, list[NDArray[Any]]]:
        """Return the columns as they are stored, and the pointers of each paragraph to its rows."""
        columns: dict[str, list[NDArray[Any]]] = {f"paragraph_{self.side}_ptr": [pointers(self.rows)]}
        for name, pieces in self.pieces.items():
            columns[f"{self.side}_{name}"] = narrow(pieces) if name in ("token", "char") else pieces
        return columns

    def kept(self, tokens: Sequence[int]) -> NDArray[np.uint8]:
        """Return a bit for each token of all paragraphs, the lowest first, that says whether it has a row."""
        bits = np.zeros(sum(tokens), np.bool_)
        bits[np.repeat(pointers(tokens)[:-1], self.rows) + np.concatenate(self.pieces["token"])] = True
        return np.packbits(bits, bitorder="little")

    def _checked(self, codes: NDArray[Any] | None, dtype: str, size: int) -> NDArray[Any]:
        if codes is None or codes.dtype != dtype or codes.shape[1:] != (size,):
            found = "no rows" if codes is None else f"rows of {codes.dtype} {codes.shape}"
            raise BuildError(
                f"The encoder returned {found} for {self.side}s; its configuration promises {dtype} rows of "
                f"{size} codes."
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
