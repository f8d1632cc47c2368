"""Sentence boundaries on hand-made cases: the marked phrase must lie in the sentence between the bars."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.corpus.cutting.sentences import sentence_around

CASES = {
    "one sentence": "|The <sea> is blue.|",
    "first": "|The <sea> is blue.| So is the sky.",
    "middle": "It rains. |The <sea> is blue!| So is the sky.",
    "last": "It rains. Does it? |The <sea> is blue|",
    "title": "It rains. |Dr. Smith met Mr. <Jones> of Acme Ltd. in Paris.| He left.",
    "initials": "It rains. |J. R. R. <Tolkien> wrote it.| He smoked.",
    "country": "|The <U.S. Army> came.| It left.",
    "decimal": "|It costs 3.5 <million>.| Too much.",
    "quotation": '|"It is <late>."| "Yes."',
    "bracket": "|It is <late> (or so).| (It was not.)",
    "abbreviation before a small letter": "|Cats, dogs etc. eat <meat>.| Cows do not.",
    "question": "|<Who>?| Nobody.",
    "ellipsis": "|<Well>...| No.",
    "chinese": "今天下雨。|<東京>很大。|再見。",
    "accents": "Il pleut. |<Élan> vital.| À bientôt.",
    "across a boundary": "It rains. |The <sea is blue. So is> the sky.| Yes.",
}


@pytest.mark.parametrize("name", CASES)
def test_sentence_around_a_phrase(name: str) -> None:
    marked = CASES[name]
    plain = marked.replace("|", "")
    start = plain.index("<")
    end = plain.index(">") - 1
    text = plain.replace("<", "").replace(">", "")
    expected = marked.split("|")[1].replace("<", "").replace(">", "")
    first, last = sentence_around(text, start, end)
    assert text[first:last] == expected


@settings(deadline=None)
@given(st.text(alphabet="aB1. !?\n\"')。é\u2009"), st.data())
def test_a_sentence_always_holds_its_phrase(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = sentence_around(text, start, end)
    assert 0 <= first <= start <= end <= last <= len(text)
