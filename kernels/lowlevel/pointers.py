"""Arrays at addresses, which Python and compiled code make in different ways."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import carray, types  # type: ignore[attr-defined] # exported, but not by its types
from numpy.typing import NDArray

from densephrase.kernels.lowlevel.form import lowered

# Of the C library, it returns its first argument, and so makes a pointer of a number.
_pointer: Any = types.voidptr
_memmove: Any = types.ExternalFunction("memmove", _pointer(types.int64, types.int64, types.int64))


def _plain_array_at(address: Any, shape: Any, dtype: Any) -> Callable[..., Any]:
    def compiled(address: Any, shape: Any, dtype: Any) -> Any:
        return carray(_memmove(address, address, 0), shape, dtype)

    return compiled


@lowered("pointers", plain=_plain_array_at, is_inlined=False)
def array_at(address: int, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return the contiguous array of a shape and type that begins at an address."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_byte * size).from_address(int(address)), dtype).reshape(shape)
