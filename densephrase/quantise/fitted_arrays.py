"""Base of quantisers: parameters fitted to a sample and stored as float32 arrays by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import EncoderError


class FittedArrays:
    """The base of dataclasses whose fields are float32 arrays; `WHAT` is what errors call one, with its article."""

    WHAT: ClassVar[str]

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the arrays."""
        return [field.name for field in fields(cls)]  # type: ignore[arg-type] # those that derive are dataclasses

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float32]]) -> Self:
        """Return what `arrays` gave; EncoderError when some are missing or don't fit."""
        missing = [name for name in cls.names() if name not in arrays]
        if missing:
            raise EncoderError(f"{cls.WHAT} lacks {missing}; it consists of {cls.names()}. Store it again.")
        made: Any = cls
        fitted: Self = made(*(np.asarray(arrays[name]) for name in cls.names()))
        return fitted

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return everything there is to store, by name."""
        return {name: getattr(self, name) for name in self.names()}

    def check_finite(self) -> None:
        """Raise EncoderError for an array that is not float32, or holds what is no number."""
        for name, array in self.arrays().items():
            if array.dtype != np.float32 or not np.isfinite(array).all():
                raise EncoderError(f"The {name} of {self.WHAT.lower()} must be finite float32; fit it again.")
