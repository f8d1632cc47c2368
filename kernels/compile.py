"""The one place that decides how kernels are compiled.

Kernels release the interpreter lock and are kept on disk; fast-math stays off, because it breaks NaN and ties. Numba
forgets a kernel when its own file changes, but not when a file does whose kernels it calls and has in it: here the name
of what is kept depends on the sources of all kernels.
The first search of an installation waits for the compiler, to which a loop is cheap and much of numpy is not: seconds
were `np.partition` 1.2, `np.sort` 0.6, `np.searchsorted` and `.min()` 0.2 each for each dtype; and the first of all
assignments of an array to a slice 1.0, because of its message for shapes that differ.
`DENSEPHRASE_NUMBA_CACHE` names the folder of what is kept; 0 keeps nothing. Parallel kernels may be called from one
thread at a time only: under numba's `workqueue` layer, concurrent callers abort the process.
`densephrase.kernels.lowlevel` has what numba does not document, and a switch to do without.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from densephrase.kernels.cache_folder import choose_folders
from densephrase.kernels.lowlevel.form import IS_PLAIN, VERSIONS

if IS_PLAIN:
    from densephrase.kernels.lowlevel.plain_compiler import compile_kernel, compile_linked, processor
else:
    from densephrase.kernels.lowlevel.compiler import compile_kernel, compile_linked, processor

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])


def kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel."""
    return cast(_Kernel, compile_linked(function, _FOLDERS))


def small_kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel whose machine code becomes a part of that of all kernels that call it.

    This is for those that return many arrays of which their callers take few, and for steps of inner loops. It takes
    LLVM less time to put them there than it takes numba (see `inlined_kernel`), but arrays are counted as in a call.
    """
    return cast(_Kernel, compile_linked(function, _FOLDERS, is_inlined=True))


def inlined_kernel(function: _Kernel) -> _Kernel:
    """Compile a single-threaded kernel whose statements become a part of the kernels that call it.

    A call counts every array that it passes up and down, about 2 ns each time; this is for small ones in inner loops.
    """
    return cast(_Kernel, compile_kernel(function, _FOLDERS, inline="always"))


def parallel_kernel(function: _Kernel) -> _Kernel:
    """Compile a kernel whose `prange` loops use every numba thread."""
    return cast(_Kernel, compile_kernel(function, _FOLDERS, parallel=True))


def _stamp() -> str:
    """Return what tells machine code from that of other sources, versions, processors, and of the other form."""
    digest = hashlib.sha256(f"{sys.version} {VERSIONS}".encode())
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return f"{digest.hexdigest()[:16]}-{processor()}"


_FOLDERS = choose_folders(_stamp(), Path(__file__).parent / "__pycache__")
