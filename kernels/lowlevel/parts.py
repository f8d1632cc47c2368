"""Kernels as parts of others: to compile them takes less than half of the time.

Numba optimises a kernel and makes machine code of it, then does so with each kernel that calls it and has it inside:
one that lies six calls deep is optimised six times. A part is only translated; what Python calls is optimised as a
whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


@contextmanager
def only_linked() -> Iterator[None]:
    """Make parts of all that is compiled meanwhile; the caller holds numba's lock."""
    codegen = cpu_target.target_context.codegen()
    before, codegen._library_class = codegen._library_class, _Part
    try:
        yield
    finally:
        codegen._library_class = before
