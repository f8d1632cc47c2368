"""Weights as they lie on disk: safetensors, matrices optionally as 8-bit integers with one scale for each row."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from densephrase.encoder.encoder_files import read_encoder_file
from densephrase.errors import EncoderError
from densephrase.storage.strict_json import decode_json

WEIGHTS_FILE = "model.safetensors"
ROW_SCALE = ".row_scale"  # the scales of `name` are called `name + ROW_SCALE`
Precision = Literal["int8", "float32"]
_DTYPES: dict[str, type[np.generic]] = {"I8": np.int8, "F32": np.float32}


def read_stored_weights(folder: Path) -> tuple[dict[str, NDArray[Any]], Precision]:
    """Read the tensors of an encoder as they are stored, 8-bit codes and their row scales apart, and their precision.

    Raises EncoderError when the file is missing, damaged or not written by this library, or holds what is no number.
    """
    path = folder / WEIGHTS_FILE
    content = read_encoder_file(folder, WEIGHTS_FILE)
    try:
        tensors = {name: _array(stored) for name, stored in deserialize(content)}
        metadata = decode_json(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise EncoderError(f"{path} is not a readable safetensors file: {str(error)[:500]}") from error
    precision = metadata.get("precision")
    if precision not in ("int8", "float32"):
        raise EncoderError(f"{path} was not written by densephrase (metadata {reprlib.repr(metadata)}).")
    for name, value in tensors.items():
        if value.dtype == np.float32 and not np.isfinite(value).all():
            raise EncoderError(f"{path}: {name!r} holds what is no number; the file is damaged.")
    return tensors, precision


def _array(stored: Mapping[str, Any]) -> NDArray[Any]:
    """Return a tensor as `deserialize` describes it; ValueError for another number format than this library writes."""
    dtype = _DTYPES.get(stored["dtype"])
    if dtype is None:
        raise ValueError(f"numbers of type {stored['dtype']}, expected one of {', '.join(_DTYPES)}")
    return np.frombuffer(stored["data"], dtype).reshape(stored["shape"])


def row_scale(tensors: dict[str, NDArray[Any]], name: str) -> NDArray[Any]:
    """Return the scales float32 [rows] of the 8-bit matrix `name`; EncoderError when there are none that fit."""
    codes, scale = tensors[name], tensors.get(name + ROW_SCALE)
    if scale is None or codes.ndim != 2 or scale.shape != codes.shape[:1] or scale.dtype != np.float32:
        raise EncoderError(
            f"The 8-bit weight {name!r} has no row scales that fit ({name + ROW_SCALE}); the file is damaged."
        )
    return scale


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight matrix [rows, columns] as it is stored: int8 with scales float32 [rows], or float32 without."""

    codes: NDArray[Any]
    scale: NDArray[np.float32] | None

    def values(self) -> NDArray[np.float32]:
        """Return the values as float32."""
        if self.scale is None:
            return self.codes
        values: NDArray[np.float32] = self.codes.astype(np.float32) * self.scale[:, None]
        return values

    @classmethod
    def stack(cls, parts: list[Matrix]) -> Matrix:
        """Put matrices of equally many columns below each other."""
        scales = [part.scale for part in parts if part.scale is not None]
        return cls(np.concatenate([part.codes for part in parts]), np.concatenate(scales) if scales else None)


@dataclass(frozen=True, slots=True)
class StoredWeights:
    """The stored tensors of the encoder in `folder`, by name."""

    tensors: dict[str, NDArray[Any]]
    precision: Precision
    folder: Path

    @classmethod
    def read(cls, folder: Path) -> StoredWeights:
        """Read the weights in `folder`; raises as `read_stored_weights` does."""
        return cls(*read_stored_weights(folder), folder)

    def matrix(self, name: str, shape: tuple[int, int]) -> Matrix:
        """Return a matrix; EncoderError when it is missing, of another shape or without scales."""
        codes = self._tensor(name, shape, self.precision)
        return Matrix(codes, row_scale(self.tensors, name) if self.precision == "int8" else None)

    def vector(self, name: str, size: int) -> NDArray[np.float32]:
        """Return a vector, float32 [size]; EncoderError when it is missing or of another size."""
        return self._tensor(name, (size,), "float32")

    def _tensor(self, name: str, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
        found = self.tensors.get(name)
        if found is None or found.shape != shape or found.dtype != dtype:
            state = "missing" if found is None else f"{found.dtype} {found.shape}"
            raise EncoderError(
                f"The weights of {self.folder} do not fit its configuration: "
                f"{name} is {state}, expected {dtype} {shape}."
            )
        return found
