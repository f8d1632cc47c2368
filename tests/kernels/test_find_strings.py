"""Strings looked up by bytes against a dict."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.kernels import strings
from densephrase.kernels.strings import find_strings
from densephrase.storage.strings import pack_strings
from tests.kernels.interpreted import interpret

TEXT = st.text("ab\x00\x7fé€𝔘\ud800", max_size=4)


@pytest.fixture(params=["compiled", "python"])
def function(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return the kernel, compiled or as plain Python."""
    if request.param == "python":
        interpret(monkeypatch, strings)
    return strings.find_strings


def find(function: Callable[..., None], column: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return the row of each wanted string in a column, which ascends by bytes."""
    rows = np.full(len(wanted), 99, np.int64)
    function(*pack_strings(column), *pack_strings(wanted), rows)
    return rows.tolist()


def in_order(column: set[str]) -> list[str]:
    """Return strings ascending by bytes."""
    return sorted(column, key=lambda text: text.encode("utf-8", "surrogatepass"))


@settings(deadline=None)  # the first example compiles
@given(st.sets(TEXT), st.lists(TEXT))
def test_rows_are_those_of_a_dict(column: set[str], wanted: list[str]) -> None:
    row_of = {text: row for row, text in enumerate(in_order(column))}
    assert find(find_strings, in_order(column), [*wanted, *row_of]) == [
        row_of.get(text, -1) for text in [*wanted, *row_of]
    ]


COLUMNS = {
    "empty": [],
    "the empty string alone": [""],
    "prefixes": ["", "a", "aa", "aaa", "ab"],
    "beyond ASCII": ["z", "é", "東京", "𝔘"],
    "bytes above 127 come last": ["~", "\x7f", "é"],
}


@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS.keys())
def test_columns(column: list[str], function: Callable[..., None]) -> None:
    wanted = ["", "a", "aa", "aaaa", "b", "é", "e", "東", "東京", "𝔘", "\x7f", "zz"]
    assert find(function, column, wanted) == [column.index(text) if text in column else -1 for text in wanted]


def test_nothing_wanted_is_no_work(function: Callable[..., None]) -> None:
    assert find(function, ["a"], []) == []


DAMAGED = [[0, -5, 3], [0, 900, 3], [0, 2**62, 3], [3, 1, 3], [-(2**62), 2**62, 0], [0, 900, -(2**63)]]


@pytest.mark.parametrize("offsets", DAMAGED, ids=str)
def test_damaged_offsets_match_nothing_beyond_the_bytes(offsets: list[int], function: Callable[..., None]) -> None:
    rows = np.full(2, 99, np.int64)
    function(np.frombuffer(b"abc", np.uint8), np.array(offsets), *pack_strings(["zz", "abcdefgh"]), rows)
    assert rows.tolist() == [-1, -1]
