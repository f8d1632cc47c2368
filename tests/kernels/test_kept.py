"""Tokens of rows by bits against numpy."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels.compile import kernel
from densephrase.kernels.kept import row_token, row_tokens
from densephrase.kernels.types import Bytes, Rows


@kernel
def read_tokens(kept: Bytes, first: int, last: int, rows: int) -> tuple[Rows, Rows]:
    """Return the tokens of rows, read together and one by one."""
    narrow, wide = np.empty(0, np.uint16), np.empty(0, np.int32)
    together, apart = np.empty(rows, np.int64), np.empty(rows, np.int64)
    row_tokens(narrow, wide, kept, 0, rows, first, last, together)
    for row in range(rows):
        apart[row] = row_token(kept, first, last, row)
    return together, apart


@settings(deadline=None)  # the first example compiles
@given(bits=st.lists(st.booleans(), min_size=1, max_size=90), cut=st.tuples(st.integers(0, 90), st.integers(0, 90)))
def test_bits_say_where_rows_are(bits: list[bool], cut: tuple[int, int]) -> None:
    first, last = sorted(min(place, len(bits)) for place in cut)
    expected = np.flatnonzero(bits[first:last]).tolist()
    kept = np.packbits(bits, bitorder="little")
    together, apart = read_tokens(kept, first, last, len(expected))
    assert together.tolist() == apart.tolist() == expected
    beyond = read_tokens(kept, first, last, len(expected) + 1)
    assert all(tokens.tolist() == [*expected, last - first] for tokens in beyond)  # damaged: more rows than bits
