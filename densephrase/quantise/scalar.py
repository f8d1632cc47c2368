"""Scalar quantisation of start and end rows to 8 bits, with an offset and a scale for each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import EncoderError

# Ends of the range to choose from, in standard deviations. Four are near the optimum for normal values (Max 1960);
# fewer, even where a sample asks for them, clip the rows of other paragraphs and cost more than they gain.
_REACHES = (4.0, 4.5, 5.0, 6.0, 8.0, 12.0)
_LARGEST = 1e9  # of offsets and scales, whose products must not overflow float32


@dataclass(frozen=True, slots=True)
class VectorQuantiser:
    """`value = code * scale + offset`, code in [-127, 127]; offset and scale are float32 [row_size].

    The offset is 0 in the last `coherency_rank` columns, so that a coherency is a plain dot product of scaled codes.
    """

    offset: NDArray[np.float32]
    scale: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.offset.shape != self.scale.shape or self.offset.ndim != 1:
            raise EncoderError(
                f"Quantiser offset {self.offset.shape} and scale {self.scale.shape} must be equal and flat."
            )
        fits = (np.abs(self.offset) <= _LARGEST).all() and (self.scale <= _LARGEST).all()  # not so where one is NaN
        if not (fits and (self.scale >= 1 / _LARGEST).all()):
            raise EncoderError(
                f"Quantiser offsets must be finite and scales finite and positive, none of them beyond {_LARGEST:g}."
            )

    @classmethod
    def read(cls, tensors: Mapping[str, Any], side: str, size: int, folder: Path) -> VectorQuantiser:
        """Return the quantiser of a side from the `tensors` of the encoder in `folder`.

        Raises EncoderError when a part is missing or is not of `size` columns.
        """
        names = [f"quantiser.{side}.{part}" for part in ("offset", "scale")]
        missing = [name for name in names if name not in tensors]
        if missing:
            raise EncoderError(f"The weights of {folder} lack {missing}; save the encoder again after training.")
        offset, scale = (np.asarray(tensors[name]) for name in names)
        if offset.shape != (size,) or scale.shape != (size,):
            raise EncoderError(
                f"The {side} quantiser of {folder} has offset {offset.shape} and scale {scale.shape}; "
                f"its configuration asks for {(size,)}."
            )
        return cls(offset, scale)

    @classmethod
    def fit(cls, rows: NDArray[np.float32], coherency_rank: int) -> VectorQuantiser:
        """Fit to rows float32 [n, row_size] of a corpus sample.

        A dimension's range is centred at its mean and reaches as far as makes the mean squared error least: a wider one
        rounds more coarsely, a narrower one clips more. Raises EncoderError when there are no rows.
        """
        if not len(rows):
            raise EncoderError("A quantiser needs at least one row to be fitted to; the sample gave none.")
        offset = rows.mean(0, dtype=np.float64).astype(np.float32)
        offset[len(offset) - coherency_rank :] = 0
        spread = np.maximum(np.sqrt(np.square(rows - offset).mean(0)), 1e-6)
        candidates = [cls(offset, (reach * spread / 127).astype(np.float32)) for reach in _REACHES]
        errors = [np.square(item.decode(item.encode(rows)) - rows).mean(0) for item in candidates]
        best = np.argmin(errors, 0)
        return cls(offset, np.stack([item.scale for item in candidates])[best, np.arange(len(offset))])

    def encode(self, rows: NDArray[np.float32]) -> NDArray[np.int8]:
        """Quantise rows float32 [n, row_size] to int8."""
        codes: NDArray[np.int8] = np.clip(np.rint((rows - self.offset) / self.scale), -127, 127).astype(np.int8)
        return codes

    def decode(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the values of codes int8 [n, row_size] as float32."""
        values: NDArray[np.float32] = codes.astype(np.float32) * self.scale + self.offset
        return values


def check_sparse_scale(scale: NDArray[np.float32], folder: Path) -> None:
    """Raise EncoderError when the scales of sparse factors, float32 [4], are not finite and positive."""
    if not ((scale <= _LARGEST).all() and (scale >= 1 / _LARGEST).all()):
        raise EncoderError(f"The sparse factors of {folder} have scales {scale}; positive ones are expected.")
