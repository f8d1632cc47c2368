"""Ids as fields: every one comes back, and only those that must are changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.errors import EvaluationError
from densephrase.evaluation.retrieval.trec_fields import WHITE_SPACE, escape_id, parted, read_rows, unescape_id

ESCAPED = {
    "plain": ("psgs-17", "psgs-17"),
    "space": ("New York:0-12", "New%20York:0-12"),
    "tab and line feed": ("a\tb\n", "a%09b%0A"),
    "no-break space": ("10\u00a0km", "10%C2%A0km"),
    "per cent": ("100%", "100%"),
    "address": ("https://de.wikipedia.org/wiki/Caf%C3%A9", "https://de.wikipedia.org/wiki/Caf%C3%A9"),
    "what looks like an escaped space": ("a%20b", "a%2520b"),
    "what looks like an escaped sign": ("a%25", "a%2525"),
    "signs before a space": ("%% ", "%%%20"),
    "accent": ("Zoë", "Zoë"),
}


@pytest.mark.parametrize(("identity", "field"), ESCAPED.values(), ids=ESCAPED.keys())
def test_ids_and_fields(identity: str, field: str) -> None:
    assert escape_id(identity) == field
    assert unescape_id(field) == identity


@given(st.text(min_size=1) | st.text("%20 25CA9\u00a0\t", min_size=1))
def test_every_id_comes_back_from_one_field(identity: str) -> None:
    field = escape_id(identity)
    assert field.split() == [field]
    assert unescape_id(field) == identity


@given(st.lists(st.text("%20 25CA9\u00a0\u2028", min_size=1), unique=True))
def test_different_ids_have_different_fields(ids: list[str]) -> None:
    assert len({escape_id(identity) for identity in ids}) == len(ids)


def test_all_white_space_is_known() -> None:
    assert set(WHITE_SPACE) == {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}


def test_an_empty_id_is_refused() -> None:
    with pytest.raises(EvaluationError, match="empty"):
        escape_id("")


def test_rows_come_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "run.txt"
    file.write_bytes("\ufeffa b\r\n\n \t\n  c\t d\u00a0e ".encode())
    assert [(str(place), parted(row)) for place, row in read_rows(file)] == [
        (f"{file}, line 1", ["a", "b"]),
        (f"{file}, line 4", ["c", "d\u00a0e"]),
    ]


@pytest.mark.parametrize(("content", "problem"), [(b"a\n\xff\n", "line 2.*0xFF"), (None, "cannot be read")])
def test_unreadable_files_are_refused(content: bytes | None, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "run.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(EvaluationError, match=f"run.txt.*{problem}"):
        list(read_rows(file))
