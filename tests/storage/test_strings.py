import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.errors import IndexFormatError
from densephrase.storage.strings import StringColumn, pack_strings


@given(st.lists(st.text(st.characters())))
def test_round_trip(strings: list[str]) -> None:
    column = StringColumn(*pack_strings(strings))
    assert list(column) == strings
    assert len(column) == len(strings)


@given(st.lists(st.text("aé𝔘\ud800", max_size=2), max_size=9), st.text("aé𝔘\ud800", max_size=2))
def test_find_is_the_first_place_in_the_list(strings: list[str], wanted: str) -> None:
    expected = strings.index(wanted) if wanted in strings else None
    assert StringColumn(*pack_strings(strings)).find(wanted) == expected


def test_layout_is_utf8_end_to_end() -> None:
    blob, offsets = pack_strings(["é", "", "ab"])
    assert blob.tobytes() == b"\xc3\xa9ab"
    assert offsets.tolist() == [0, 2, 2, 4]
    assert offsets.dtype == np.int64


@pytest.mark.parametrize("row", [-1, 2])
def test_rows_outside_are_index_errors(row: int) -> None:
    with pytest.raises(IndexError, match=f"string {row} of 2"):
        StringColumn(*pack_strings(["a", "b"]))[row]


@pytest.mark.parametrize("offsets", [[], [1, 2], [0, 9], [0, 1]], ids=["none", "late", "beyond", "short"])
def test_offsets_must_span_the_bytes(offsets: list[int]) -> None:
    with pytest.raises(IndexFormatError, match=r"^a\.h5: column 'x': offsets do not span their 2 bytes"):
        StringColumn(np.zeros(2, np.uint8), np.array(offsets, dtype=np.int64), "a.h5: column 'x'")


def test_offsets_in_between_are_checked_when_used() -> None:
    column = StringColumn(np.zeros(2, np.uint8), np.array([0, 900, 2]))
    with pytest.raises(IndexFormatError, match="claims bytes 0 to 900"):
        column[0]


def test_bytes_that_are_not_utf8_are_named() -> None:
    column = StringColumn(np.array([255], np.uint8), np.array([0, 1]))
    with pytest.raises(IndexFormatError, match="bytes 0 to 1 are not UTF-8"):
        column[0]
