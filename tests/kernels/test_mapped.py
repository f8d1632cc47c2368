"""Arrays at addresses against the arrays that stand there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from densephrase.kernels.compile import kernel
from densephrase.kernels.mapped import Places, codes_at, numbers_at, place, places_at, rows_at


def values(dtype: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return all values that a type can hold, the first and the last one too."""
    limits = np.iinfo(dtype)
    made = np.random.default_rng(1).integers(limits.min, limits.max, shape, dtype, endpoint=True)
    made.flat[:2] = [limits.min, limits.max][: made.size]
    return made


@pytest.mark.parametrize("size", [0, 2, 100])
@pytest.mark.parametrize(("function", "dtype"), [(rows_at, np.int64), (numbers_at, np.int32)], ids=["rows", "numbers"])
def test_numbers(function: Callable[..., np.ndarray], dtype: Any, size: int) -> None:
    column = values(dtype, (size,))
    found = function(column.ctypes.data, size)
    assert found.dtype == dtype
    assert found.tolist() == column.tolist()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 2), (50, 7)], ids=str)
def test_codes(shape: tuple[int, int]) -> None:
    column = values(np.int8, shape)
    found = codes_at(column.ctypes.data, *shape)
    assert (found.dtype, found.shape) == (np.int8, shape)
    assert found.tolist() == column.tolist()


@pytest.mark.parametrize("size", [0, 2, 100])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32], ids=["narrow", "wide"])
def test_places(dtype: Any, size: int) -> None:
    column = values(dtype, (size,))
    at_address, wrapped = places_at(column.ctypes.data, size, dtype == np.int32), Places.of(column)
    for found in (at_address, wrapped):
        assert (found.narrow.dtype, found.wide.dtype) == (np.uint16, np.int32)
        assert found[dtype == np.int32].tolist() == column.tolist()
        assert found[dtype != np.int32].size == 0
        assert [int(place(*found, row)) for row in range(size)] == column.tolist()
        assert [int(place.py_func(*found, row)) for row in range(size)] == column.tolist()


@kernel
def add_up(addresses: np.ndarray, sizes: np.ndarray) -> int:
    """Add up the numbers at some addresses."""
    total = 0
    for number in range(addresses.size):
        for value in rows_at(addresses[number], sizes[number]):
            total += value
    return total


def test_one_kernel_reads_columns_of_many_files(tmp_path: Path) -> None:
    columns = []
    for number in range(20):
        np.arange(number, dtype=np.int64).tofile(tmp_path / str(number))
        if number:
            columns.append(np.memmap(tmp_path / str(number), np.int64, "r"))
    addresses = np.array([column.ctypes.data for column in columns])
    sizes = np.array([column.size for column in columns])
    assert add_up(addresses, sizes) == sum(sum(range(number)) for number in range(20))
