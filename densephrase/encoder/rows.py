"""Collects the kept rows of many windows and hands them back paragraph by paragraph, in token order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph


@dataclass(slots=True)
class KeptRows:
    """Rows of one side (start or end) in the order in which windows were encoded."""

    paragraph: list[NDArray[np.int32]] = field(default_factory=list)
    token: list[NDArray[np.int32]] = field(default_factory=list)
    codes: list[NDArray[np.int8]] = field(default_factory=list)

    def add(self, paragraph: NDArray[np.int32], token: NDArray[np.int32], codes: NDArray[np.int8]) -> None:
        """Add rows: paragraph numbers [n], token numbers [n], codes int8 [n, row_size]."""
        self.paragraph.append(paragraph)
        self.token.append(token)
        self.codes.append(codes)

    def ordered(self, row_size: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
        """Return paragraph, token and codes of all rows, sorted by paragraph and token."""
        if not self.token:
            return np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, row_size), np.int8)
        paragraph, token = np.concatenate(self.paragraph), np.concatenate(self.token)
        order = np.lexsort((token, paragraph))
        return paragraph[order], token[order], np.concatenate(self.codes)[order]


def split_rows(
    offsets: Sequence[NDArray[np.int32]],
    ids: Sequence[NDArray[np.int32]],
    starts: KeptRows,
    ends: KeptRows,
    row_size: int,
) -> list[EncodedParagraph]:
    """Return one EncodedParagraph for each entry of `offsets`, the code points int32 [tokens, 2] of its tokens.

    `ids` int32 [tokens] are its word pieces.

    A token of no width (some tokenizers make them) can't begin or end a phrase that is a piece of text; it is dropped.
    """
    sides = [_split(offsets, rows, row_size) for rows in (starts, ends)]
    return [
        EncodedParagraph(len(places), start, places[start, 0], start_codes, end, places[end, 1], end_codes, pieces)
        for places, pieces, (start, start_codes), (end, end_codes) in zip(offsets, ids, *sides, strict=True)
    ]


def _split(
    offsets: Sequence[NDArray[np.int32]], rows: KeptRows, row_size: int
) -> list[tuple[NDArray[np.int32], NDArray[np.int8]]]:
    paragraph, token, codes = rows.ordered(row_size)
    bounds = np.searchsorted(paragraph, np.arange(len(offsets) + 1))
    pieces = []
    for number, places in enumerate(offsets):
        mine = slice(bounds[number], bounds[number + 1])
        wide = places[token[mine], 1] > places[token[mine], 0]
        pieces.append((token[mine][wide], codes[mine][wide]))
    return pieces
