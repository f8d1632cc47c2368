"""Compilation and caching of kernels with numba's private parts.

What numba has no use for is left out: code for C to call, and, of a part, for Python to call.
"""

import gc
import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from numba import njit
from numba.core.registry import cpu_target

from densephrase.kernels.cache_folder import CacheFolders
from densephrase.kernels.lowlevel.machine_code import MachineCode
from densephrase.kernels.lowlevel.parts import let_call, part_of


def compile_kernel(function: Callable[..., Any], folders: CacheFolders, **options: Any) -> Any:
    """Compile a function with numba's `options`, without the interpreter lock."""
    compiler: Any = njit  # which takes more options than its types say
    compiled = compiler(nogil=True, no_cfunc_wrapper=True, **options)(function)
    compiled._cache = MachineCode(function, folders)  # numba has no public way to set it
    compiled.compile = _uncollected(compiled.compile)
    return compiled


def _uncollected(work: Callable[..., Any]) -> Callable[..., Any]:
    """Let the garbage collector look through what work has left, at its end, instead of all that the compiler holds.

    A first answer in a new cache takes a fifth less time so. Whoever has stopped the collector lets it go on.
    """

    @wraps(work)
    def done(*arguments: Any, **named: Any) -> Any:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            return work(*arguments, **named)
        finally:
            gc.collect(0)
            if was_enabled:
                gc.enable()

    return done


def compile_linked(function: Callable[..., Any], folders: CacheFolders, is_inlined: bool = False) -> Any:
    """Compile a function that other kernels link a part of, into which LLVM may put all of it."""
    compiled = compile_kernel(function, folders)
    options = {"forceinline": True} if is_inlined else {}
    let_call(compiled, compile_kernel(part_of(function), folders, no_cpython_wrapper=True, **options))
    return compiled


def processor() -> str:
    """Return a name of this processor and of what it can do."""
    triple, name, features = cpu_target.target_context.codegen().magic_tuple()
    return f"{name}-{hashlib.sha256(f'{triple} {features}'.encode()).hexdigest()[:8]}"
