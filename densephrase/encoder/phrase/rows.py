"""Collects the kept rows of many windows and hands them back paragraph by paragraph, in token order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph


@dataclass(slots=True)
class KeptRows:
    """Rows of tokens (kept starts, kept ends, or all) in the order in which windows were encoded."""

    paragraph: list[NDArray[np.int32]] = field(default_factory=list)
    token: list[NDArray[np.int32]] = field(default_factory=list)
    codes: list[NDArray[np.int8]] = field(default_factory=list)

    def add(self, paragraph: NDArray[np.int32], token: NDArray[np.int32], codes: NDArray[np.int8]) -> None:
        """Add rows: paragraph numbers [n], token numbers [n], codes int8 [n, width]."""
        self.paragraph.append(paragraph)
        self.token.append(token)
        self.codes.append(codes)

    def ordered(self, width: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
        """Return paragraph, token and codes of all rows, sorted by paragraph and token."""
        if not self.token:
            return np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, width), np.int8)
        paragraph, token = np.concatenate(self.paragraph), np.concatenate(self.token)
        order = np.lexsort((token, paragraph))
        return paragraph[order], token[order], np.concatenate(self.codes)[order]


@dataclass(slots=True)
class CollectedRows:
    """What windows give: kept starts, kept ends, and the sparse keys of all tokens."""

    sides: tuple[KeptRows, KeptRows] = field(default_factory=lambda: (KeptRows(), KeptRows()))
    keys: KeptRows = field(default_factory=KeptRows)


def split_rows(
    offsets: Sequence[NDArray[np.int32]],
    ids: Sequence[NDArray[np.int32]],
    collected: CollectedRows,
    row_size: int,
    sparse_rank: int,
) -> list[EncodedParagraph]:
    """Return one EncodedParagraph for each entry of `offsets`, the code points int32 [tokens, 2] of its tokens.

    `ids` int32 [tokens] are its word pieces. Codes of starts and ends are int8 [n, row_size + 2 * sparse_rank], dense
    and sparse; those of keys int8 [n, 4 * sparse_rank]. A `sparse_rank` of 0 says that there are no sparse vectors.

    A token of no width (some tokenizers make them) can't begin or end a phrase that is a piece of text; it is dropped.
    """
    sides = [_split(offsets, rows, row_size + 2 * sparse_rank) for rows in collected.sides]
    encoded = []
    for places, pieces, (start, start_codes), (end, end_codes) in zip(offsets, ids, *sides, strict=True):
        dense = [np.ascontiguousarray(codes[:, :row_size]) for codes in (start_codes, end_codes)]
        sparse = [codes[:, row_size:] if sparse_rank else None for codes in (start_codes, end_codes)]
        encoded.append(
            EncodedParagraph(
                tokens=len(places),
                start_token=start,
                start_char=places[start, 0],
                start_codes=dense[0],
                end_token=end,
                end_char=places[end, 1],
                end_codes=dense[1],
                token_ids=pieces,
                start_sparse=sparse[0],
                end_sparse=sparse[1],
                offsets=places,
            )
        )
    if not sparse_rank:
        return encoded
    bounds = np.cumsum([0, *(item.tokens for item in encoded)])
    _, _, codes = collected.keys.ordered(4 * sparse_rank)
    return [
        replace(item, token_keys=codes[first:last])
        for item, first, last in zip(encoded, bounds, bounds[1:], strict=False)
    ]


def _split(
    offsets: Sequence[NDArray[np.int32]], rows: KeptRows, width: int
) -> list[tuple[NDArray[np.int32], NDArray[np.int8]]]:
    paragraph, token, codes = rows.ordered(width)
    bounds = np.searchsorted(paragraph, np.arange(len(offsets) + 1))
    pieces = []
    for number, places in enumerate(offsets):
        mine = slice(bounds[number], bounds[number + 1])
        wide = places[token[mine], 1] > places[token[mine], 0]
        pieces.append((token[mine][wide], codes[mine][wide]))
    return pieces
