"""The one place that decides how kernels are compiled.

Kernels release the interpreter lock and are cached on disk; fast-math stays off, because it breaks NaN and ties. Numba
forgets a cached kernel when its own file changes, but not when a file does whose kernels it calls and has in it: here
the sources of all kernels belong to its stamp.
`DENSEPHRASE_NUMBA_CACHE=0` turns the cache off (read-only installations). Parallel kernels may be called from one
thread at a time only: under numba's `workqueue` layer, concurrent callers abort the process.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from numba import njit

_CACHE = os.environ.get("DENSEPHRASE_NUMBA_CACHE", "1") != "0"
_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel."""
    return _compile(function, parallel=False)


def parallel_kernel(function: _Kernel) -> _Kernel:
    """Compile a kernel whose `prange` loops use every numba thread."""
    return _compile(function, parallel=True)


def inlined_kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel that becomes a part of the kernels that call it.

    A call counts every array that it passes up and down, about 2 ns each time; this is for small ones in inner loops.
    """
    return _compile(function, parallel=False, inline="always")


def _compile(function: _Kernel, parallel: bool, inline: Literal["never", "always"] = "never") -> _Kernel:
    compiled: Any = njit(nogil=True, cache=_CACHE, parallel=parallel, inline=inline)(function)
    if _CACHE:
        file = compiled._cache._cache_file
        file._source_stamp = file._source_stamp, _STAMP  # numba has no public way to set it
    return cast(_Kernel, compiled)


def _sources() -> str:
    """Return the sha256 (hex) of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


_STAMP = _sources()
