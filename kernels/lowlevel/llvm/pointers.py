"""An array at an address: a number becomes a pointer without an instruction."""

from collections.abc import Callable
from typing import Any

from numba import carray, types  # type: ignore[attr-defined] # exported, but not by its types
from numba.core import cgutils
from numba.extending import intrinsic


def array_at(address: Any, shape: Any, dtype: Any) -> Callable[..., Any]:
    """Return what numba compiles for `densephrase.kernels.lowlevel.pointers.array_at`."""

    def compiled(address: Any, shape: Any, dtype: Any) -> Any:
        return carray(_pointer(address), shape, dtype)  # type: ignore[call-arg] # numba gives the first one

    return compiled


@intrinsic
def _pointer(_: Any, address: types.Integer) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate
