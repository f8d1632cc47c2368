"""Sums of what bytes add to columns, compiled and in their plain form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from densephrase.kernels.compile import kernel
from densephrase.kernels.lowlevel.entry_sums import COLUMN_LANES, Entries, Values, add_entries
from densephrase.kernels.types import Codes


@kernel
def compiled(codes: Codes, row: int, entries: Entries, values: Values) -> None:
    """Do as `add_entries` does."""
    add_entries(codes, row, entries, values)


@pytest.mark.parametrize("function", [compiled, add_entries], ids=["compiled", "plain"])
@pytest.mark.parametrize("blocks", [0, 1, 3])
@pytest.mark.parametrize("groups", [1, 7])
def test_columns_are_sums_of_entries(function: Callable[..., Any], blocks: int, groups: int) -> None:
    random = np.random.default_rng(groups + blocks)
    entries = random.integers(-4000, 4000, (groups, 256, blocks * COLUMN_LANES)).astype(np.int16)
    codes = random.integers(-128, 128, (9, groups + 2)).astype(np.int8)
    for row in (0, 8):
        values = np.full(blocks * COLUMN_LANES, 77, np.int16)
        function(codes, row, entries, values)
        chosen = entries.astype(int)[np.arange(groups), codes[row, :groups].astype(int) % 256]
        assert values.tolist() == chosen.sum(0).tolist()
