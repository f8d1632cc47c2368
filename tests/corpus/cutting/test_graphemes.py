"""Borders of graphemes against those of the whole text."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.cutting.graphemes import grapheme_border, grapheme_start


def borders(text: str) -> list[int]:
    return [0, *(found.end() for found in regex.finditer(r"\X", text))]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("Malmo\u0308 and pa\u0302te\u0301", id="NFD"),
        pytest.param("x\u0304 is a mean", id="mark without a composed form"),
        pytest.param("\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0b95\u0bcb", id="Tamil vowel signs"),
        pytest.param("\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", id="Arabic vowels"),
        pytest.param(
            "ok \u2764\ufe0f \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1f8\U0001f1ea\U0001f1f3\U0001f1f4",
            id="emoji",
        ),
        pytest.param("a\r\nb\n\u0301c", id="ends of lines"),
    ],
)
def test_borders_are_those_of_the_whole_text(text: str) -> None:
    found = borders(text)
    for place in range(len(text) + 1):
        assert grapheme_border(text, place) == min(border for border in found if border >= place)
        assert grapheme_start(text, place) == max(border for border in found if border <= place)


@given(
    st.text(alphabet="ab \r\n\u0301\u0308\u0bbf\u0645\u064f\u2764\ufe0f\u200d\U0001f468\uac00\u1100\u1161", max_size=40)
)
def test_any_text(text: str) -> None:
    found = borders(text)
    assert [grapheme_border(text, place) for place in range(len(text) + 1)] == [
        min(border for border in found if border >= place) for place in range(len(text) + 1)
    ]


def test_a_pile_of_marks_is_one_grapheme() -> None:
    text = "a" + "\u0301" * 200_000 + "b"
    assert grapheme_border(text, 1) == 200_001  # the pile is one grapheme ...
    assert sum(grapheme_border(text, place) for place in range(len(text) - 50, len(text))) > 0  # ... found from its end
