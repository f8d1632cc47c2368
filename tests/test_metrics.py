"""Golden cases, worked out by hand after the official SQuAD v1.1 script and DPR's string match."""

from __future__ import annotations

import re
import string
from collections import Counter
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase import metrics
from densephrase.metrics import (
    answer_name,
    answer_tokens,
    exact_match,
    exact_match_and_f1,
    f1,
    has_answer,
    normalise_answer,
)

NORMALISED = {
    "case": ("William SHAKESPEARE", "william shakespeare"),
    "leading article": ("The Beatles", "beatles"),
    "all three articles": ("a cat, an owl and the dog", "cat owl and dog"),
    "article inside a word stays": ("another theatre", "another theatre"),
    "article alone": ("the", ""),
    "article after an apostrophe becomes one word": ("l'a", "la"),
    "article split off by a dash that is not ASCII": ("vitamin\u2013a", "vitamin\u2013"),
    "article split off by a hyphen is glued": ("vitamin-a", "vitamina"),
    "punctuation joins": ("U.S.A.", "usa"),
    "hyphen joins": ("well-known", "wellknown"),
    "thousands separator": ("$1,234.50", "123450"),
    "typographic quotes stay": ("\u201cHamlet\u201d", "\u201chamlet\u201d"),
    "accents stay": ("Caf\u00e9", "caf\u00e9"),
    "white space": ("  New \t York\n City ", "new york city"),
    "no-break space": ("New\u00a0York", "new york"),
    "only punctuation": ("?!...", ""),
    "empty": ("", ""),
    "chinese": ("\u5317\u4eac", "\u5317\u4eac"),
    "capital sharp s": ("STRA\u1e9eE", "stra\u00dfe"),
}


SAME_ANSWER = {
    "case": ("William SHAKESPEARE", "william Shakespeare"),
    "sharp s": ("STRASSE", "stra\u00dfe"),
    "composed and decomposed": ("Malm\u00f6", "Malmo\u0308"),
    "white space": ("New \t York\nCity", "New York City"),
    "no-break space": ("10\u00a0km", "10 km"),
    "leading article": ("the Beatles", "Beatles"),
    "article in quotes": ('"The Hamlet"', "Hamlet"),
    "quotes after an article": ('the "Hamlet"', "Hamlet"),
    "quotes": ("\u201cHamlet\u201d", "'Hamlet'"),
    "French quotes": ("\u00ab Le Cid \u00bb", "Le Cid"),
    "full stop": ("in 1905.", "in 1905"),
    "comma": ("Paris,", "Paris"),
    "brackets": ("(1921)", "1921"),
    "markup": ("**Nils Aas**", "`Nils Aas`"),
    "dash of a list": ("- Nils Aas", "Nils Aas"),
    "quoted number": ('"1984"', "1984"),
}
OTHER_ANSWER = {
    "decimal point": ("$1.2 billion", "$12 billion"),
    "thousands": ("1,234", "1.234"),
    "leading point": (".5", "5"),
    "sign": ("-5", "5"),
    "minus": ("\u22125 \u00b0C", "5 \u00b0C"),
    "plus signs": ("C++", "C"),
    "hash": ("C#", "C"),
    "grades": ("A-", "A+"),
    "grade and letter": ("A-", "A"),
    "currency": ("$12", "12"),
    "other currency": ("\u20ac12", "$12"),
    "per cent": ("12%", "12"),
    "per mille": ("12\u2030", "12%"),
    "degrees": ("12\u00b0", "12"),
    "feet and inches": ("6'", '6"'),
    "number and inches": ('6"', "6"),
    "at": ("@nils", "nils"),
    "path": ("/etc", "etc"),
    "framework": (".NET", "NET"),
    "hyphen": ("re-sign", "resign"),
    "inner article": ("vitamin A", "vitamin"),
    "apostrophe": ("we're", "were"),
    "accent": ("pat\u00e9", "pate"),
    "stars and dots": ("***", "..."),
}


@pytest.mark.parametrize(("one", "other"), SAME_ANSWER.values(), ids=SAME_ANSWER.keys())
def test_same_answers_have_one_name(one: str, other: str) -> None:
    assert answer_name(one) == answer_name(other) != ""


@pytest.mark.parametrize(("one", "other"), OTHER_ANSWER.values(), ids=OTHER_ANSWER.keys())
def test_other_answers_have_other_names(one: str, other: str) -> None:
    assert answer_name(one) != answer_name(other)


@pytest.mark.parametrize(("text", "expected"), NORMALISED.values(), ids=NORMALISED.keys())
def test_normalise_answer(text: str, expected: str) -> None:
    assert normalise_answer(text) == expected


# prediction, references, exact match, F1
SCORED = {
    "equal": ("Denver Broncos", ["Denver Broncos"], True, 1.0),
    "case and article": ("the denver broncos", ["Denver Broncos"], True, 1.0),
    "punctuation": ("Denver Broncos.", ["Denver Broncos"], True, 1.0),
    "hyphen is not a space": ("well known", ["well-known"], False, 0.0),
    "accents differ": ("Beyonce", ["Beyonc\u00e9"], False, 0.0),
    "decomposed accent differs": ("Beyonce\u0301", ["Beyonc\u00e9"], False, 0.0),
    "too long": ("the Denver Broncos team", ["Denver Broncos"], False, 2 * (2 / 3) / (2 / 3 + 1)),
    "too short": ("Broncos", ["Denver Broncos"], False, 2 / 3),
    "half and half": ("Denver Nuggets", ["Denver Broncos"], False, 0.5),
    "disjoint": ("Carolina Panthers", ["Denver Broncos"], False, 0.0),
    "order does not matter to F1": ("Broncos Denver", ["Denver Broncos"], False, 1.0),
    "repeated token counts once": ("Denver Denver", ["Denver"], False, 2 / 3),
    "repeated in both": ("New York New York", ["New York, New York"], True, 1.0),
    "best of several": ("in 1963", ["November 1963", "1963", "the sixties"], False, 2 / 3),
    "exact with the second": ("1963", ["November 22, 1963", "1963"], True, 1.0),
    "best F1 from another than the first": ("Saint Bernadette", ["Mary", "Saint Bernadette Soubirous"], False, 0.8),
    "only articles, both": ("the", ["a"], True, 0.0),
    "empty prediction": ("", ["Denver"], False, 0.0),
    "both empty": ("", [""], True, 0.0),
    "no reference": ("Denver", [], False, 0.0),
    "number with sign": ("-5", ["5"], True, 1.0),
    "currency sign": ("$1,200", ["1200"], True, 1.0),
    "pound sign stays": ("\u00a3100", ["100"], False, 0.0),
    "spaces of tokenised text": ("Maria Sk\u0142odowska - Curie", ["Maria Sk\u0142odowska-Curie"], False, 0.4),
}


@pytest.mark.parametrize(("prediction", "references", "exact", "score"), SCORED.values(), ids=SCORED.keys())
def test_exact_match_and_f1(prediction: str, references: list[str], exact: bool, score: float) -> None:
    assert exact_match(prediction, references) is exact
    assert f1(prediction, references) == pytest.approx(score)


def official_normalise(text: str) -> str:
    """Repeat the steps of the official script, character by character."""
    lower = "".join(character for character in text.lower() if character not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", lower).split())


def official_f1(prediction: str, reference: str) -> float:
    """Repeat the official token F1."""
    left, right = official_normalise(prediction).split(), official_normalise(reference).split()
    same = sum((Counter(left) & Counter(right)).values())
    return 2 * (same / len(left)) * (same / len(right)) / (same / len(left) + same / len(right)) if same else 0


SHORT_TEXT = st.text(st.sampled_from("aA tThHeEnN.-'\u00e9\u2013\u00a0 1"), max_size=20) | st.text(max_size=12)


@given(SHORT_TEXT, st.lists(SHORT_TEXT, min_size=1, max_size=3))
def test_scores_are_those_of_the_official_steps(prediction: str, references: list[str]) -> None:
    assert normalise_answer(prediction) == official_normalise(prediction)
    assert f1(prediction, references) == pytest.approx(max(official_f1(prediction, one) for one in references))


WORDS = ["a", "An", "THE", "then", "x1", "\u00e9", "\u0130"]
PIECES = st.sampled_from([*WORDS, "_", "-", "'s", ".", " ", "  ", "\t", "\x1f", "\x7f", "\x85", "\u00a0"])


@given(st.one_of(st.text(string.printable), st.lists(PIECES).map("".join)))
def test_printable_ascii_takes_the_same_steps_as_any_text(text: str) -> None:
    assert normalise_answer(text) == official_normalise(text)


TOKENS = {
    "words and punctuation": ("It's 5.2 km!", ["it", "'", "s", "5", ".", "2", "km", "!"]),
    "accents are decomposed": ("Caf\u00e9", ["cafe\u0301"]),
    "underscore is punctuation": ("a_b", ["a", "_", "b"]),
    "controls and separators vanish": ("a\u200bb\u00a0c\n", ["a", "b", "c"]),
    "chinese is one run": ("\u5317\u4eac\u5e02", ["\u5317\u4eac\u5e02"]),
    "emoji": ("\U0001f681", ["\U0001f681"]),
}


@pytest.mark.parametrize(("text", "expected"), TOKENS.values(), ids=TOKENS.keys())
def test_answer_tokens(text: str, expected: list[str]) -> None:
    assert answer_tokens(text) == expected


# text, answers, found
MATCHED = {
    "word": ("Hamlet was written by Shakespeare.", ["Shakespeare"], True),
    "case": ("HAMLET", ["hamlet"], True),
    "part of a word": ("Shakespearean plays", ["Shakespeare"], False),
    "several words": ("in New York City today", ["New York City"], True),
    "words apart": ("New bridges of York", ["New York"], False),
    "any of several": ("in 1963", ["Dallas", "1963"], True),
    "spacing around punctuation": ("Maria Sk\u0142odowska - Curie", ["Maria Sk\u0142odowska-Curie"], True),
    "punctuation counts": ("the US army", ["U.S."], False),
    "article counts": ("Beatles fans", ["The Beatles"], False),
    "composed against decomposed": ("Cafe\u0301 Central", ["Caf\u00e9"], True),
    "accent against none": ("Cafe Central", ["Caf\u00e9"], False),
    "chinese inside a run": ("\u5317\u4eac\u5e02", ["\u5317\u4eac"], False),
    "at the end": ("it is 42", ["42"], True),
    "longer than the text": ("42", ["42 is it"], False),
    "empty text": ("", ["42"], False),
    "empty answer": ("some text", [""], False),
    "invisible answer": ("some text", ["\u200b"], False),
    "no answers": ("some text", [], False),
    "first token repeated": ("a a a b", ["a b"], True),
    "line break between": ("New\nYork", ["New York"], True),
    "number with comma": ("1,234 people", ["1234"], False),
}


@pytest.mark.parametrize(("text", "answers", "found"), MATCHED.values(), ids=MATCHED.keys())
def test_has_answer(text: str, answers: list[str], found: bool) -> None:
    assert has_answer(text, answers) is found


@given(st.text(max_size=30), st.text(max_size=30), st.text("ab1", min_size=1, max_size=5))
def test_an_answer_between_spaces_is_found(before: str, after: str, answer: str) -> None:
    assert has_answer(f"{before} {answer} {after}", [answer])


# pattern, prediction, whether it matches from the beginning, whether it is found
PATTERNS = {
    "whole": ("China", "China", True, True),
    "case": ("china", "CHINA", True, True),
    "beginning": ("China", "China and India", True, True),
    "middle": ("China", "the People's Republic of China", False, True),
    "article": ("China", "the China", False, True),
    "alternatives": (r"20\s?,?\s?(32|40)0\s?-?\s?f(ee|oo)t|6,194-meter", "20,320 feet", True, True),
    "second alternative": (r"20\s?,?\s?(32|40)0\s?-?\s?f(ee|oo)t|6,194-meter", "6,194-meter", True, True),
    "neither alternative": (r"20\s?,?\s?(32|40)0\s?-?\s?f(ee|oo)t|6,194-meter", "20,310 feet", False, False),
    "first line": ("^second", "first\nsecond", False, True),
    "dot is no line end": ("a.b", "a\nb", False, False),
    "letters of Unicode": (r"\w+ Müller", "jörg müller", True, True),
    "composed and decomposed": ("Beyonc\u00e9", "Beyonce\u0301", False, True),
    "empty": ("", "China", True, True),
    "no pattern": ("(", "(", False, False),
    "pattern that repeats nothing": ("*a", "*a", False, False),
    "flags that exclude each other": ("(?u)(?L)a", "a", False, False),
    "too deep": ("(" * 10_000 + ")" * 10_000, "", False, False),
    "too long": ("a" * 100_001, "a" * 100_001, False, False),
}


@pytest.mark.parametrize(("pattern", "text", "matches", "found"), PATTERNS.values(), ids=PATTERNS.keys())
def test_patterns(pattern: str, text: str, matches: bool, found: bool) -> None:
    assert exact_match(text, [pattern], patterns=True) is matches
    assert exact_match(text, ["[", pattern], patterns=True) is matches
    assert exact_match_and_f1(text, [pattern], patterns=True) == (matches, float(matches))
    assert has_answer(text, [pattern], patterns=True) is found


def test_patterns_need_references() -> None:
    assert not exact_match("", [], patterns=True)
    assert not has_answer("", [], patterns=True)
    assert exact_match_and_f1("", [], patterns=True) == (True, 1.0)
    assert exact_match_and_f1("China", [], patterns=True) == (False, 0.0)


def test_a_pattern_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_PATTERN_SECONDS", 0.05)
    began = perf_counter()
    assert not exact_match("a" * 60 + "!", ["(a|aa)+$"], patterns=True)
    assert exact_match("a" * 60 + "!", ["(a|aa)+$", "a+"], patterns=True)
    assert perf_counter() - began < 10
