"""A question vector as integers, so that its products with stored codes are exact and fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.errors import SearchError
from densephrase.kernels import fixed_point as kernels

_MAX_COHERENCY_SCALE = 2**23  # times a code it stays below 2**31


class FixedPointVectors(NamedTuple):
    """Q question vectors times the scales of a quantiser, each in units of its own `step`.

    A vector is `weights[q, 0] * 2**low_bits + weights[q, 1]`. For codes int8 [.., V] the score
    `vector . (codes * scale + offset)` is `dot * step + bias`, where dot is the integer product with both halves; the
    first half alone ranks rows (its error is about 1e-5 of the score's range). Sums of 32 bits over V products of codes
    with one half can't overflow.
    """

    weights: NDArray[np.int16]  # [Q, 2, V]
    low_bits: int
    step: NDArray[np.float64]  # [Q]
    bias: NDArray[np.float64]  # [Q]


def fold_vectors(vectors: NDArray[np.float32], quantiser: VectorQuantiser) -> FixedPointVectors:
    """Fold the scales and offsets of the first V columns into vectors float32 [Q, V].

    Raises:
        SearchError: if a vector is not finite.
    """
    questions, size = vectors.shape
    low_bits = min(15, ((2**25 - 1) // size).bit_length() - 1)
    folded = FixedPointVectors(np.empty((questions, 2, size), np.int16), low_bits, *np.empty((2, questions)))
    scale, offset = quantiser.scale[:size], quantiser.offset[:size]
    if not kernels.fold_vectors(vectors, scale, offset, low_bits, folded.weights, folded.step, folded.bias):
        raise SearchError("The encoder gave a question vector that is not finite; its weights are damaged.")
    return folded


@dataclass(frozen=True, slots=True)
class FixedPointScale:
    """The factors of coherency columns in units of `step`: scale int64 [r], at most 2**23.

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
