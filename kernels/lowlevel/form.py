"""The switch between LLVM with numba's private parts and the plain forms of all that needs them.

Plain forms are Python and what numba documents; their answers are the same, and come later. They run where nothing is
compiled (`NUMBA_DISABLE_JIT=1`), where `DENSEPHRASE_PLAIN_KERNELS=1` asks for them, and where numba or llvmlite are not
those that the other forms were tested with.
"""

import logging
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import llvmlite
import numba
from numba.extending import overload, register_jitable

from densephrase.kernels.lowlevel.private_parts import first_change

PLAIN_SETTING = "DENSEPHRASE_PLAIN_KERNELS"
TESTED = {"numba": "0.68", "llvmlite": "0.50"}  # which setup.cfg allows
VERSIONS = f"{numba.__version__} {llvmlite.__version__}"

_Function = TypeVar("_Function", bound=Callable[..., Any])
_logger = logging.getLogger(__name__)


def why_plain() -> str | None:
    """Return why the plain forms run, None where the others do."""
    config: Any = numba.config  # whose names its types do not know
    if config.DISABLE_JIT:
        return "NUMBA_DISABLE_JIT is set"
    if os.environ.get(PLAIN_SETTING, "0") not in ("", "0"):
        return f"{PLAIN_SETTING} is set"
    for module in (numba, llvmlite):
        tested = TESTED[module.__name__]
        if not module.__version__.startswith(f"{tested}."):
            return f"{module.__name__} is {module.__version__}, and their fast form was tested with {tested}"
    if (change := first_change()) is not None:
        return f"{change} is not what their fast form was written for"
    return None


def lowered(
    module: str, plain: Callable[..., Any] | None = None, is_inlined: bool = True
) -> Callable[[_Function], _Function]:
    """Let kernels call a function that is plain Python: what they compile for it stands in a module of `lowlevel.llvm`.

    There, it has the function's name and is what numba's `overload` takes: from types to what is compiled. `plain` is
    so too, and takes its place in the plain form; without it, the function itself is compiled. Statements that are put
    where the call stands make numba find out the types of the caller again: without `is_inlined`, LLVM puts them there.
    """

    def give(function: _Function) -> _Function:
        if IS_PLAIN and plain is not None:
            overload(function)(plain)
        elif IS_PLAIN:
            register_jitable(function)
        else:
            folder = import_module(f"densephrase.kernels.lowlevel.llvm.{module}")
            overload(function, inline="always" if is_inlined else "never")(getattr(folder, function.__name__))
        return function

    return give


_REASON = why_plain()
IS_PLAIN = _REASON is not None
if IS_PLAIN:
    _logger.warning("kernels run in their plain form, which is slower: %s", _REASON)
