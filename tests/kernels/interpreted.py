"""Kernels as plain Python, down to the last helper: slow, but an index beyond the end of an array is noticed."""

from __future__ import annotations

from types import ModuleType

import pytest
from numba.core.dispatcher import Dispatcher

_ONLY_COMPILED = {"codes_at", "numbers_at", "places_at", "rows_at"}  # they make arrays of addresses


def interpret(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """Replace the kernels that modules define or import by the functions that they were compiled from."""
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, Dispatcher) and name not in _ONLY_COMPILED:
                monkeypatch.setattr(module, name, value.py_func)
