"""The coherency of starts and ends as an integer sum over columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.lowlevel.entry_sums import COLUMN_LANES
from densephrase.quantise.end_prediction import ProductRows
from densephrase.quantise.product import CENTROIDS
from densephrase.quantise.scalar import VectorQuantiser

_LARGEST_SCALE = 2**23  # times a code it stays below 2**31
_LARGEST_VALUE = 2**15 - 1


@dataclass(frozen=True, slots=True, eq=False)
class CoherencyScale:
    """A coherency is the integer sum over `start value * scale * end value`, times `step`; scale int64 [r].

    Values are codes, or sums of what the bytes of a product-quantised row add: entries int16 [G, 256, r], without
    groups where rows are codes. To an end's come those of the start before it, and `lists` int16 [L, r] of its list.
    Columns of 0 fill up r, which is a multiple of `COLUMN_LANES` there.
    """

    scale: NDArray[np.int64]
    step: float
    start_entries: NDArray[np.int16]
    end_entries: NDArray[np.int16]
    predicted_entries: NDArray[np.int16]
    lists: NDArray[np.int16]

    @classmethod
    def of(
        cls,
        quantisers: tuple[VectorQuantiser, VectorQuantiser],
        products: ProductRows | None,
        vector_size: int,
        list_codes: NDArray[np.int8],
    ) -> CoherencyScale:
        """Take the columns after the first `vector_size` of quantisers of starts and ends, of `products` if given.

        list_codes: the centroids int8 [L, vector_size] that ends are predicted from too, used with `products`.
        """
        if products is None:
            return cls._of_codes(*quantisers, vector_size)
        weights = products.prediction.weights[:vector_size, vector_size:].astype(np.float64)
        lists = (list_codes * quantisers[0].scale[:vector_size]) @ weights
        [start], start_step = _in_16_bits(products.starts.entries(vector_size))
        parts = products.ends.entries(vector_size), products.predicted.entries(vector_size), lists[None]
        [end, predicted, [listed]], end_step = _in_16_bits(*parts)
        return cls(np.ones(start.shape[2], np.int64), start_step * end_step, start, end, predicted, listed)

    @classmethod
    def _of_codes(cls, start: VectorQuantiser, end: VectorQuantiser, vector_size: int) -> CoherencyScale:
        factors = start.scale[vector_size:].astype(np.float64) * end.scale[vector_size:]
        step = float(factors.max(initial=0.0)) / _LARGEST_SCALE or 1.0
        none, no_lists = np.empty((0, CENTROIDS, len(factors)), np.int16), np.empty((0, len(factors)), np.int16)
        return cls(np.rint(factors / step).astype(np.int64), step, none, none, none, no_lists)


def _in_16_bits(*parts: NDArray[np.float64]) -> tuple[list[NDArray[np.int16]], float]:
    """Return entries [G, n, r] in their common unit, and the unit: no sum of one of each group leaves 16 bits."""
    reach = float(sum(np.abs(part).max(1, initial=0.0).sum(0) for part in parts).max(initial=0.0))
    step = max(reach / (_LARGEST_VALUE - sum(map(len, parts))), float(np.finfo(np.float64).tiny))
    padding = (0, 0), (0, 0), (0, -parts[0].shape[2] % COLUMN_LANES)
    return [np.pad(np.rint(part / step).astype(np.int16), padding) for part in parts], step
