"""The one place that decides how kernels are compiled.

Kernels release the interpreter lock and are kept on disk; fast-math stays off, because it breaks NaN and ties. Numba
forgets a kernel when its own file changes, but not when a file does whose kernels it calls and has in it: here the name
of what is kept depends on the sources of all kernels.
The first search of an installation waits for the compiler, to which a loop is cheap and much of numpy is not: seconds
were `np.partition` 1.2, `np.sort` 0.6, `np.searchsorted` and `.min()` 0.2 each for each dtype; and the first of all
assignments of an array to a slice 1.0, because of its message for shapes that differ.
`DENSEPHRASE_NUMBA_CACHE` names the folder of what is kept; 0 keeps nothing. Parallel kernels may be called from one
thread at a time only: under numba's `workqueue` layer, concurrent callers abort the process.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, TypeVar, cast

import llvmlite
import numba
from numba import njit
from numba.core import types
from numba.core.registry import cpu_target

from densephrase.kernels.cache_folder import choose_folders
from densephrase.kernels.lowlevel.machine_code import MachineCode
from densephrase.kernels.lowlevel.parts import only_linked

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel."""
    return cast(_Kernel, _with_part(_compile(function)))


def small_kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel whose machine code becomes a part of that of all kernels that call it.

    This is for those that return many arrays of which their callers take few, and for steps of inner loops. It takes
    LLVM less time to put them there than it takes numba (see `inlined_kernel`), but arrays are counted as in a call.
    """
    return cast(_Kernel, _with_part(_compile(function), forceinline=True))


def inlined_kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel whose statements become a part of the kernels that call it.

    A call counts every array that it passes up and down, about 2 ns each time; this is for small ones in inner loops.
    """
    return cast(_Kernel, _compile(function, inline="always"))


def parallel_kernel(function: _Kernel) -> _Kernel:
    """Compile a kernel whose `prange` loops use every numba thread."""
    return cast(_Kernel, _compile(function, parallel=True))


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    compiler: Any = njit  # which takes more options than its types say
    compiled = compiler(nogil=True, no_cfunc_wrapper=True, **options)(function)
    compiled._cache = MachineCode(function, _FOLDERS)  # numba has no public way to set it
    return compiled


def _with_part(compiled: Any, **options: Any) -> Any:
    """Let other kernels call a form of a kernel that takes them less time to compile.

    It has no code to be called from Python, and one form does for all numbers: numba would make one for each literal.
    """
    function = compiled.py_func
    copied = function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    part = FunctionType(*copied)
    part.__qualname__ = f"{function.__qualname__}.part"  # by which it has files of its own on the disk
    called = _compile(part, no_cpython_wrapper=True, **options)

    def get_call_template(arguments: Any, keywords: Any) -> Any:
        with only_linked():
            return called.get_call_template(tuple(map(types.unliteral, arguments)), keywords)

    # What numba asks of a kernel that it finds in another one.
    compiled.get_call_template, compiled.get_overload = get_call_template, called.get_overload
    return compiled


def _stamp() -> str:
    """Return what tells machine code from that of other sources, versions and processors."""
    digest = hashlib.sha256(f"{sys.version} {numba.__version__} {llvmlite.__version__}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()
    instructions = hashlib.sha256(f"{triple} {features}".encode())
    return f"{digest.hexdigest()[:16]}-{processor}-{instructions.hexdigest()[:8]}"


_FOLDERS = choose_folders(_stamp(), Path(__file__).parent / "__pycache__")
