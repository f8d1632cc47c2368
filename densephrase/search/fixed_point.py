"""A question vector as integers, so that its products with stored codes are exact and fast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.errors import SearchError

_MAX_SUM = 2**24 - 1  # 128 * sum(abs(weights)) stays below 2**31
_MAX_WEIGHT = 2**15 - 2
_MAX_COHERENCY_SCALE = 2**30


@dataclass(frozen=True, slots=True)
class FixedPointVector:
    """A question vector times the scales of a quantiser, in units of `step`: `weights[0] * 2**low_bits + weights[1]`.

    For codes int8 [.., V] the score `vector . (codes * scale + offset)` is `dot * step + bias`, where dot is the
    integer product with both halves; the first half alone ranks rows (its error is about 1e-5 of the score's range).

    weights: int16 [2, V]. Sums of 32 bits over V products of codes with one half can't overflow.
    """

    weights: NDArray[np.int16]
    low_bits: int
    step: float
    bias: float

    @classmethod
    def fold(cls, vector: NDArray[np.float32], quantiser: VectorQuantiser) -> FixedPointVector:
        """Fold the scales and offsets of the first V columns into a vector float32 [V].

        Raises:
            SearchError: if the vector is not finite.
        """
        size = vector.size
        values = vector.astype(np.float64)
        if not np.isfinite(values).all():
            raise SearchError("The encoder gave a question vector that is not finite; its weights are damaged.")
        scaled = values * quantiser.scale[:size]
        low_bits = min(15, ((2**25 - 1) // size).bit_length() - 1)
        high_step = max(np.abs(scaled).sum() / (_MAX_SUM - size), np.abs(scaled).max() / _MAX_WEIGHT)
        step = max(float(high_step) / 2**low_bits, float(np.finfo(np.float64).tiny))
        units = np.rint(scaled / step).astype(np.int64)
        high = (units + (1 << (low_bits - 1))) >> low_bits
        weights = np.stack([high, units - (high << low_bits)]).astype(np.int16)
        return cls(weights, low_bits, step, float(values @ quantiser.offset[:size]))

    def scores(self, dots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the scores of integer products `precise_dot(codes)`, both [n]."""
        return dots.astype(np.float64) * self.step + self.bias


@dataclass(frozen=True, slots=True)
class FixedPointScale:
    """The factors of coherency columns in units of `step`: scale int64 [r], at most 2**30.

    A coherency is the integer sum over `start code * scale * end code`, times `step`.
    """

    scale: NDArray[np.int64]
    step: float

    @classmethod
    def fold(cls, start: VectorQuantiser, end: VectorQuantiser, vector_size: int) -> FixedPointScale:
        """Fold the scales that two quantisers have in the columns after the first `vector_size`."""
        factors = start.scale[vector_size:].astype(np.float64) * end.scale[vector_size:]
        step = float(factors.max(initial=0.0)) / _MAX_COHERENCY_SCALE or 1.0
        return cls(np.rint(factors / step).astype(np.int64), step)
