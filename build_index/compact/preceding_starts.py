"""The start before each end of a segment, as search decodes it: from its list and its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.index.format.shard_format import Side
from densephrase.index.lists.inverted_lists import InvertedLists, id_type
from densephrase.index.shards.shard import Shard
from densephrase.quantise.end_prediction import starts_before
from densephrase.quantise.product import ProductQuantiser
from densephrase.quantise.scalar import VectorQuantiser


@dataclass(frozen=True, slots=True, eq=False)
class PrecedingStarts:
    """`rows` [E] are the last starts of the segment at or before its ends, -1 where a paragraph has none there.

    `scale` float32 [V] and `residuals` decode what `lists` hold of them.
    """

    rows: NDArray[np.int32] | NDArray[np.int64]
    lists: InvertedLists
    scale: NDArray[np.float32]
    residuals: ProductQuantiser

    @classmethod
    def of(
        cls, shards: Iterable[Shard], lists: InvertedLists, residuals: ProductQuantiser, quantiser: VectorQuantiser
    ) -> PrecedingStarts:
        """Find the starts before the ends of all shards; they are only numbers, and memory grows with the ends."""
        kind, found, base = id_type(len(lists.ids)), [], 0
        for shard in shards:
            starts, ends = _tokens(shard, "start"), _tokens(shard, "end")
            pointers = shard.paragraph_token_ptr
            first_tokens = pointers[np.searchsorted(pointers, ends, side="right") - 1]
            rows, has_start = starts_before(starts, ends, first_tokens)
            found.append(np.where(has_start, base + rows, -1).astype(kind))
            base += shard.counts.starts
        scale = quantiser.scale[: lists.tree.list_codes.shape[1]]
        return cls(np.concatenate([np.empty(0, kind), *found]), lists, scale, residuals)

    def decode(self, ends: slice | NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the starts before some ends, float32 [n, row_size], and which ends have one, bool [n]."""
        rows = self.rows[ends]
        values: NDArray[np.float32] = np.zeros((len(rows), self.residuals.offset.size), np.float32)
        has_start = rows >= 0
        places = self.lists.places[rows[has_start]]
        owners = np.searchsorted(self.lists.list_ptr, places, side="right") - 1
        starts = self.residuals.decode(self.lists.codes[places].view(np.uint8))
        starts[:, : self.scale.size] += self.lists.tree.list_codes[owners] * self.scale
        values[has_start] = starts
        return values, has_start


def _tokens(shard: Shard, side: Side) -> NDArray[np.int64]:
    """Return the tokens of a shard, counted over all its paragraphs, at which rows of one side stand."""
    return np.flatnonzero(np.unpackbits(getattr(shard, f"{side}_kept"), bitorder="little"))
