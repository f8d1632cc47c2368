"""Paragraphs that fit a window: how long they are, where they end, and that nothing but white space is lost."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.corpus.cutting import fitting_paragraphs as module
from densephrase.corpus.cutting.fitting_paragraphs import CHARACTERS_A_TOKEN, fitting_paragraphs
from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.data import Paragraph
from tests.conftest import make_tokenizer
from tests.soaking import examples


def words(texts: Sequence[str]) -> list[NDArray[np.int32]]:
    """Take words of at most 8 letters, and marks, for tokens."""
    return [
        np.array([found.span() for found in re.finditer(r"\w{1,8}|[^\w\s]", text)], np.int32).reshape(-1, 2)
        for text in texts
    ]


def pieces_of(texts: Sequence[str]) -> list[NDArray[np.int32]]:
    encodings = make_tokenizer().encode_batch(list(texts), add_special_tokens=False)
    return [np.array(encoding.offsets, np.int32).reshape(-1, 2) for encoding in encodings]


def graphemes(texts: Sequence[str]) -> list[NDArray[np.int32]]:
    return [
        np.array([found.span() for found in regex.finditer(r"\X", text) if not found[0].isspace()], np.int32).reshape(
            -1, 2
        )
        for text in texts
    ]


def fit(text: str, capacity: int = 10) -> list[Paragraph]:
    [paragraphs] = fitting_paragraphs([text], words, capacity)
    return paragraphs


CASES = {
    "a short text stays": ("One two. Three four.\n\nFive.", ["One two. Three four.", "Five."]),
    "nothing": (" \n\n ", []),
    "at the ends of sentences, evenly": (
        "One two three. Four five six. Seven eight nine. Ten eleven twelve.",
        ["One two three. Four five six.", "Seven eight nine. Ten eleven twelve."],
    ),
    "as few as can be": (
        "A b c d e f g hi. I j k l m n o pi. Q r.",
        ["A b c d e f g hi.", "I j k l m n o pi.", "Q r."],
    ),
    "at the ends of lines where no sentence ends": (
        "10:01 mill opens\n10:02 miller comes\n10:03 mill closes\n10:04 miller goes",
        ["10:01 mill opens\n10:02 miller comes", "10:03 mill closes\n10:04 miller goes"],
    ),
    "at white space where no line ends": (
        "a b c d e f g h i j k l",
        ["a b c d e f", "g h i j k l"],
    ),
    "a long sentence among short ones": (
        "Yes. A b c d e f g h i j k l m n. No.",
        ["Yes. A b c d e f g h", "i j k l m n. No."],
    ),
    "a long word between graphemes": (
        "x" * 71 + "o\u0308" + "y" * 71,
        ["x" * 71 + "o\u0308", "y" * 71],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_where_a_text_is_cut(name: str) -> None:
    text, expected = CASES[name]
    assert [paragraph.text for paragraph in fit(text)] == expected


@settings(deadline=None, max_examples=examples(200))
@given(st.lists(st.text(alphabet="abcXé .!?\n\r\t\u0301\u200d\u3002", max_size=120), max_size=3), st.integers(1, 12))
def test_any_text_is_whole_and_every_piece_fits(texts: list[str], capacity: int) -> None:
    for places in (words, pieces_of):
        for text, paragraphs in zip(texts, fitting_paragraphs(texts, places, capacity), strict=True):
            assert "".join("".join(p.text.split()) for p in paragraphs) == "".join(text.split())
            end = 0
            for paragraph, tokens in zip(paragraphs, places([p.text for p in paragraphs]), strict=True):
                assert text[paragraph.start : paragraph.end] == paragraph.text == paragraph.text.strip() != ""
                assert paragraph.start >= end
                assert len(tokens) <= capacity or len(paragraph.text) == 1
                assert len(paragraph.text) <= CHARACTERS_A_TOKEN * capacity
                end = paragraph.end


@settings(deadline=None)
@given(st.text(alphabet="ab é.\n\u0301\u0308\u200d\u2764\ufe0f", max_size=60))
def test_no_grapheme_is_cut(text: str) -> None:
    borders = {0, *(found.end() for found in regex.finditer(r"\X", text))}
    uncut = {place for paragraph in split_paragraphs(text) for place in (paragraph.start, paragraph.end)}
    [paragraphs] = fitting_paragraphs([text], graphemes, 2)
    for paragraph in paragraphs:
        assert {paragraph.start, paragraph.end} <= borders | uncut | _around_space(text)


def _around_space(text: str) -> set[int]:
    """A mark on a space belongs to it, and white space is trimmed all the same."""
    return {place for found in re.finditer(r"\s+", text) for place in found.span()}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 200_000, id="letters"),
        pytest.param("." * 200_000, id="dots"),
        pytest.param("a." * 100_000, id="initials"),
        pytest.param("a" + " " * 200_000 + "b", id="spaces"),
        pytest.param("a" + "\u0301" * 200_000, id="marks"),
        pytest.param("a line of a log\n" * 12_000, id="lines"),
        pytest.param("Mr. Aas came. " * 15_000, id="sentences"),
    ],
)
def test_a_long_text_takes_linear_time_and_no_piece_is_long(text: str) -> None:
    paragraphs = fit(text, 100)
    assert max(len(paragraph.text) for paragraph in paragraphs) <= 100 * CHARACTERS_A_TOKEN
    assert "".join("".join(paragraph.text.split()) for paragraph in paragraphs) == "".join(text.split())


def test_blocks_of_a_long_text_are_cut_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "One two three. Four five six. " * 100
    monkeypatch.setattr(module, "_BLOCK", 800)
    monkeypatch.setattr(module, "_TOGETHER", 1000)
    paragraphs = fit(text, 20)
    assert {paragraph.text.count(".") for paragraph in paragraphs[:-1]} <= {3, 4, 5}
    assert all(paragraph.text.endswith(".") for paragraph in paragraphs)


def test_tokens_are_looked_for_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(texts: Sequence[str]) -> list[NDArray[np.int32]]:
        asked.append(sum(map(len, texts)))
        return words(texts)

    monkeypatch.setattr(module, "_TOGETHER", 1000)
    texts = ["Some words of a text. " * 10] * 20
    assert len(fitting_paragraphs(texts, counted, 1000)) == 20
    assert len(asked) == 5
    assert max(asked) <= 1000
