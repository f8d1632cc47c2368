"""Question vectors as integers, so that their products with stored codes are exact and fast."""

import math

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.types import Weights

_LARGEST_SUM = 2**24 - 1  # 128 * sum(abs(weights)) stays below 2**31
_LARGEST_WEIGHT = 2**15 - 2


@kernel
def fold_vectors(
    vectors: NDArray[np.float32],
    scale: NDArray[np.float32],
    offset: NDArray[np.float32],
    low_bits: int,
    weights: Weights,
    step: NDArray[np.float64],
    bias: NDArray[np.float64],
) -> bool:
    """Fold the scales and offsets of a quantiser into question vectors; return whether all are finite.

    `vectors` float32[Q, V]; `scale` and `offset` float32[V]. For codes c the score `vector . (c * scale + offset)` is
    `(c . weights[0] * 2**low_bits + c . weights[1]) * step + bias`, up to rounding. The outputs are `weights`
    int16[Q, 2, V], `step` [Q] and `bias` [Q]; a product of codes with one half of the weights stays below 2**31.
    """
    size = vectors.shape[1]
    for question in range(vectors.shape[0]):
        total = largest = added = 0.0
        for column in range(size):
            value = np.float64(vectors[question, column])
            magnitude = abs(value * np.float64(scale[column]))
            total += magnitude
            largest = max(largest, magnitude)
            added += value * np.float64(offset[column])
        if not (math.isfinite(total) and math.isfinite(added)):
            return False
        coarse = max(total / (_LARGEST_SUM - size), largest / _LARGEST_WEIGHT)
        unit = max(coarse / (1 << low_bits), np.finfo(np.float64).tiny)
        for column in range(size):
            units = np.int64(np.rint(np.float64(vectors[question, column]) * np.float64(scale[column]) / unit))
            high = (units + (1 << (low_bits - 1))) >> low_bits
            weights[question, 0, column] = high
            weights[question, 1, column] = units - (high << low_bits)
        step[question], bias[question] = unit, added
    return True
