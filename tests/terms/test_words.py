"""Cutting text into folded words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.terms.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" \t\n...?!", [], id="no word"),
        pytest.param("The Eiffel-Tower, 1889", ["the", "eiffel", "tower", "1889"], id="ascii"),
        pytest.param("snake_case x_1", ["snake", "case", "x", "1"], id="underscores part words"),
        pytest.param("Beyoncé Café", ["beyonce", "cafe"], id="composed accents"),
        pytest.param("Beyonce\u0301", ["beyonce"], id="decomposed accents"),
        pytest.param("Łódź Ærø Þór STRASSE straße", ["lodz", "aero", "thor", "strasse", "strasse"], id="other letters"),
        pytest.param("ﬁne ＡＢＣ m² Ⅳ", ["fine", "abc", "m2", "iv"], id="compatibility forms"),
        pytest.param("İstanbul ısı", ["istanbul", "isi"], id="Turkish i"),
        pytest.param("co\u00adoperate a\u200db", ["cooperate", "ab"], id="invisible characters"),
        pytest.param("Ελλάδα Москва́", ["ελλαδα", "москва"], id="Greek and Russian"),
        pytest.param("מִדְבָּר مُحَمَّد", ["מדבר", "محمد"], id="Hebrew and Arabic points"),
        pytest.param("हिन्दी", ["हिन्दी"], id="Hindi keeps its vowel signs"),
        pytest.param("東京タワー", ["東京", "京タ", "タワ", "ワー"], id="Japanese bigrams"),
        pytest.param("がか", ["がか"], id="voicing is no accent"),
        pytest.param("한국어", ["한국", "국어"], id="Korean bigrams of syllables"),
        pytest.param("山 and 河川x", ["山", "and", "河川", "x"], id="a single character, and a border to Latin"),
        pytest.param("I ❤️ tea 🫖", ["i", "tea"], id="emoji"),
        pytest.param("lone \ud800 surrogate", ["lone", "surrogate"], id="surrogate"),
    ],
)
def test_words_of(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(st.characters(max_codepoint=127)))
def test_the_ascii_path_gives_what_the_general_path_gives(text: str) -> None:
    assert words(text + " é") == [*words(text), "e"]


@given(st.text())
def test_words_hold_no_space_and_can_be_stored(text: str) -> None:
    for word in words(text):
        assert word
        assert word.split() == [word]
        word.encode()
