"""Compilation and caching of kernels in the plain form: as numba's documentation says."""

import inspect
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numba
from numba import njit

from densephrase.kernels.cache_folder import CacheFolders

_config: Any = numba.config  # whose names its types do not know
_lock = Lock()


def compile_kernel(function: Any, folders: CacheFolders, **options: Any) -> Any:
    """Compile a function with numba's `options`, without the interpreter lock; leave it as it is where nothing is."""
    if _config.DISABLE_JIT:
        function.py_func = function  # as compiled ones have
        return function
    if folders.writable is None or not Path(inspect.getfile(function)).is_file():
        return njit(nogil=True, **options)(function)
    with _lock:
        before, _config.CACHE_DIR = _config.CACHE_DIR, str(folders.writable)
        try:  # which folder its code is kept in, numba asks only now
            return njit(nogil=True, cache=True, **options)(function)
        finally:
            _config.CACHE_DIR = before


def compile_linked(function: Callable[..., Any], folders: CacheFolders, is_inlined: bool = False) -> Any:
    """Compile a function that other kernels call."""
    return compile_kernel(function, folders)


def processor() -> str:
    """Return what tells the code of this form from that of the other; numba itself tells processors apart."""
    return "plain"
