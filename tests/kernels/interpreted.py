"""Kernels as plain Python, down to the last helper: slow, but an index beyond the end of an array is noticed."""

from __future__ import annotations

from types import ModuleType

import pytest


def interpret(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> None:
    """Replace the kernels that modules define or import by the functions that they were compiled from."""
    for module in modules:
        for name, value in vars(module).items():
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, name, value.py_func)
