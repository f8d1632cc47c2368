from __future__ import annotations

import ctypes
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from densephrase.build_index.run import resources


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    resources._trim.cache_clear()
    yield
    resources._trim.cache_clear()


def test_all_free_pages_go_back(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(malloc_trim=kept.append))
    resources.trim_memory()
    assert kept == [0]


def test_trimming_is_harmless() -> None:
    trim = resources._trim()
    assert trim is None or trim(0) in (0, 1)  # whether there was something to give back


def test_systems_that_cannot_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda name: asked.append(name))
    resources.trim_memory()
    assert asked == [None]
