"""Borders of phrases: whole graphemes, whole pairs."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from densephrase.search.answers.phrase_borders import phrase_borders


@pytest.mark.parametrize(
    ("before", "span", "after", "expected"),
    [
        pytest.param("to ", "Malmo", "\u0308.", "Malmo\u0308", id="NFD"),
        pytest.param("(", "Malmo", "\u0308)", "Malmo\u0308", id="NFD in brackets"),
        pytest.param("", "(Malmo", "\u0308)", "Malmo\u0308", id="NFD after half a pair"),
        pytest.param("by ", "\u0b95\u0bae\u0bb2", "\u0bcd in", "\u0b95\u0bae\u0bb2\u0bcd", id="Tamil"),
        pytest.param("\u0b95", "\u0bcb\u0bae", " in", "\u0b95\u0bcb\u0bae", id="Tamil, begun at a vowel sign"),
        pytest.param("by ", "\u0633\u064e\u0644", "\u064f in", "\u0633\u064e\u0644\u064f", id="Arabic"),
        pytest.param("is ", "\u2764", "\ufe0f.", "\u2764\ufe0f", id="emoji selector"),
        pytest.param("", "\U0001f468", "\u200d\U0001f467!", "\U0001f468\u200d\U0001f467", id="joined emoji"),
        pytest.param(
            "\U0001f468\u200d", "\U0001f467", "!", "\U0001f468\u200d\U0001f467", id="joined emoji from behind"
        ),
        pytest.param("in ", "`8143", "` of", "8143", id="backtick"),
        pytest.param("the ", "ferry", " to", "ferry", id="nothing to do"),
    ],
)
def test_phrases(before: str, span: str, after: str, expected: str) -> None:
    text = before + span + after
    start, end = phrase_borders(text, len(before), len(before) + len(span))
    assert text[start:end] == expected


@given(st.text(alphabet='ab ("`)*\u0301\u0bbf\u2764\ufe0f\u200d\U0001f468', min_size=1, max_size=30), st.data())
def test_phrases_end_at_graphemes_of_the_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = phrase_borders(text, start, end)
    borders = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    assert first < last and {first, last} <= borders


CUT = "cafe\u0301 (closed"


@pytest.mark.parametrize("place", [0, 3, len(CUT)], ids=["beginning", "inside", "end"])
def test_an_empty_span_stays_empty(place: int) -> None:
    assert phrase_borders(CUT, place, place) == (place, place)


@given(st.text(alphabet="ab \"'`*_()[]{}.,^1\u0301\u2764\ufe0f\u201c\u201d\u6771", max_size=14), st.data())
def test_no_phrase_becomes_empty_or_leaves_the_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = phrase_borders(text, start, end)
    assert 0 <= first <= last <= len(text)
    assert (first < last) is (start < end)
