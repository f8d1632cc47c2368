"""The one place that decides how kernels are compiled.

Kernels release the interpreter lock and are cached on disk; fast-math stays off, because it breaks NaN and ties.
`DENSEPHRASE_NUMBA_CACHE=0` turns the cache off (read-only installations). Parallel kernels may be called from one
thread at a time only: under numba's `workqueue` layer, concurrent callers abort the process.
"""

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

_CACHE = os.environ.get("DENSEPHRASE_NUMBA_CACHE", "1") != "0"
_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel."""
    return cast(_Kernel, njit(nogil=True, cache=_CACHE)(function))


def parallel_kernel(function: _Kernel) -> _Kernel:
    """Compile a kernel whose `prange` loops use every numba thread."""
    return cast(_Kernel, njit(nogil=True, cache=_CACHE, parallel=True)(function))
