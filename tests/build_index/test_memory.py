from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest

from densephrase.build_index.run import memory


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    memory._trim.cache_clear()
    yield
    memory._trim.cache_clear()


def test_trimming_is_harmless() -> None:
    memory.trim_memory()


def test_systems_that_cannot_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    memory.trim_memory()
