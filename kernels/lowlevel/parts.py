"""Kernels as parts of others: to compile them takes less than half of the time.

Numba optimises a kernel and makes machine code of it, then does so with each kernel that calls it and has it inside:
one that lies six calls deep is optimised six times. A part is only translated; what Python calls is optimised as a
whole.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.registry import cpu_target


class _Part(JITCodeLibrary):
    """Code that cannot run, but can be linked into other code and be kept on the disk."""

    def _optimize_final_module(self) -> None:
        """Do nothing."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call] # numba's own
        self._finalized = True

    def serialize_using_object_code(self) -> Any:
        """Return what the disk holds of it: there is no object code."""
        return self.serialize_using_bitcode()  # type: ignore[no-untyped-call] # numba's own

    @property
    def codegen(self) -> Any:
        """What numba gives the environment of code that can run."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing."""


def part_of(function: Any) -> Callable[..., Any]:
    """Return a copy of a function, which has files of its own on the disk."""
    copied = function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    part = FunctionType(*copied)
    part.__qualname__ = f"{function.__qualname__}.part"
    return part


def let_call(compiled: Any, part: Any) -> None:
    """Let kernels that call a compiled one link its compiled part.

    One form of it does for all numbers: numba would make one for each literal.
    """

    def get_call_template(arguments: Any, keywords: Any) -> Any:
        with _only_linked():
            return part.get_call_template(tuple(map(types.unliteral, arguments)), keywords)

    # What numba asks of a kernel that it finds in another one.
    compiled.get_call_template, compiled.get_overload = get_call_template, part.get_overload


@contextmanager
def _only_linked() -> Iterator[None]:
    """Make parts of all that is compiled meanwhile; the caller holds numba's lock."""
    codegen = cpu_target.target_context.codegen()
    before, codegen._library_class = codegen._library_class, _Part
    try:
        yield
    finally:
        codegen._library_class = before
