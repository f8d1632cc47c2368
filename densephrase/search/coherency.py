"""The coherency of starts and ends as an integer sum over columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.product_quantiser import CENTROIDS, ProductQuantiser
from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.kernels.entry_sums import LANES

_LARGEST_SCALE = 2**23  # times a code it stays below 2**31
_LARGEST_VALUE = 2**15 - 1


@dataclass(frozen=True, slots=True, eq=False)
class CoherencyScale:
    """A coherency is the integer sum over `start value * scale * end value`, times `step`; scale int64 [r].

    Values are codes, or sums of what the bytes of a product-quantised row add: entries int16 [G, 256, r], without
    groups where rows are codes. Columns of 0 fill up r, which is a multiple of `LANES` there.
    """

    scale: NDArray[np.int64]
    step: float
    start_entries: NDArray[np.int16]
    end_entries: NDArray[np.int16]

    @classmethod
    def of(
        cls,
        quantisers: tuple[VectorQuantiser, VectorQuantiser],
        products: tuple[ProductQuantiser, ProductQuantiser] | None,
        vector_size: int,
    ) -> CoherencyScale:
        """Take the columns after the first `vector_size` of quantisers of starts and ends, of `products` if given."""
        if products is None:
            return cls._of_codes(*quantisers, vector_size)
        start, start_step = _entries(products[0], vector_size)
        end, end_step = _entries(products[1], vector_size)
        return cls(np.ones(start.shape[2], np.int64), start_step * end_step, start, end)

    @classmethod
    def _of_codes(cls, start: VectorQuantiser, end: VectorQuantiser, vector_size: int) -> CoherencyScale:
        factors = start.scale[vector_size:].astype(np.float64) * end.scale[vector_size:]
        step = float(factors.max(initial=0.0)) / _LARGEST_SCALE or 1.0
        none = np.empty((0, CENTROIDS, len(factors)), np.int16)
        return cls(np.rint(factors / step).astype(np.int64), step, none, none)


def _entries(quantiser: ProductQuantiser, first: int) -> tuple[NDArray[np.int16], float]:
    """Return what each byte adds to the columns from `first` on, and their unit; no sum leaves 16 bits."""
    values = quantiser.entries(first)
    reach = float(np.abs(values).max(1, initial=0.0).sum(0).max(initial=0.0))
    step = max(reach / (_LARGEST_VALUE - len(values)), float(np.finfo(np.float64).tiny))
    padding = (0, 0), (0, 0), (0, -values.shape[2] % LANES)
    return np.pad(np.rint(values / step).astype(np.int16), padding), step
