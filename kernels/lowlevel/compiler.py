"""Compilation and caching of kernels with numba's private parts.

What numba has no use for is left out: code for C to call, and, of a part, for Python to call.
"""

import hashlib
from collections.abc import Callable
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
    return compiled


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
