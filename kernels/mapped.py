"""Arrays at addresses: how one kernel reads the columns of many files.

A kernel cannot take a list of arrays without copying or a slow start, but it can take a table of addresses. Whoever
fills such a table keeps the memory behind it alive for as long as kernels use it, and has checked what they index with.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, small_kernel
from densephrase.kernels.lowlevel.pointers import array_at
from densephrase.kernels.types import Bytes, Codes, Rows


class Places(NamedTuple):
    """Token numbers, characters or word pieces in two bytes, or, where they don't fit, in four; the other is empty."""

    narrow: NDArray[np.uint16]
    wide: NDArray[np.int32]

    @classmethod
    def of(cls, column: NDArray[Any]) -> "Places":
        """Wrap a column of either type."""
        is_wide = column.dtype == np.int32
        return cls(np.empty(0, np.uint16), column) if is_wide else cls(column, np.empty(0, np.int32))


@small_kernel
def codes_at(address: int, rows: int, columns: int) -> Codes:
    """Return the array int8 [rows, columns] at an address."""
    return array_at(address, (rows, columns), np.int8)


@small_kernel
def bytes_at(address: int, size: int) -> Bytes:
    """Return the array uint8 [size] at an address."""
    return array_at(address, (size,), np.uint8)


@small_kernel
def rows_at(address: int, size: int) -> Rows:
    """Return the array int64 [size] at an address."""
    return array_at(address, (size,), np.int64)


@small_kernel
def numbers_at(address: int, size: int) -> NDArray[np.int32]:
    """Return the array int32 [size] at an address."""
    return array_at(address, (size,), np.int32)


@small_kernel
def places_at(address: int, size: int, is_wide: bool) -> Places:
    """Return the places [size] at an address."""
    narrow = array_at(address, (0 if is_wide else size,), np.uint16)
    wide = array_at(address, (size if is_wide else 0,), np.int32)
    return Places(narrow, wide)


@inlined_kernel
def place(narrow: NDArray[np.uint16], wide: NDArray[np.int32], row: int) -> np.int64:
    """Return the place in `row` of the two arrays of `Places`."""
    return np.int64(narrow[row]) if narrow.size else np.int64(wide[row])
