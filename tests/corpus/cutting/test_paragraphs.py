"""split_paragraphs against a line-by-line state machine, on any Unicode and at size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.data import Paragraph


def lines_of(text):
    """Return (start, end) of every line, end excluding the line end, by looking at one character at a time."""
    lines, start, at = [], 0, 0
    while at < len(text):
        if text[at] in "\r\n":
            lines.append((start, at))
            at += 1 if text[at : at + 2] != "\r\n" else 2
            start = at
        else:
            at += 1
    return [*lines, (start, len(text))]


def split_by_hand(text):
    paragraphs, block = [], []
    for start, end in [*lines_of(text), (len(text), len(text))]:
        if not text[start:end].strip():
            if block:
                first, last = block[0][0], block[-1][1]
                while text[first].isspace():
                    first += 1
                while text[last - 1].isspace():
                    last -= 1
                paragraphs.append(Paragraph(text[first:last], first, last))
            block = []
        else:
            block.append((start, end))
    return paragraphs


TRICKY = st.text(st.sampled_from("a\r\n \t\x0b\x0c\x1c\x85\u2028\u3000\u200b\u0301\0\U0001f600"), max_size=40)
UNICODE = st.text(st.characters())


@given(TRICKY | UNICODE)
def test_equals_the_line_by_line_cut(text):
    assert split_paragraphs(text) == split_by_hand(text)


@given(TRICKY | UNICODE)
def test_offsets_are_exact_ascending_and_lose_nothing_but_white_space(text):
    paragraphs = split_paragraphs(text)
    end = 0
    for paragraph in paragraphs:
        assert end <= paragraph.start < paragraph.end
        assert text[paragraph.start : paragraph.end] == paragraph.text == paragraph.text.strip()
        assert text[end : paragraph.start].strip() == ""
        end = paragraph.end
    assert text[end:].strip() == ""


@given(st.lists(st.text(st.sampled_from("ab \U0001f600"), min_size=1).filter(str.strip), max_size=6))
def test_joined_paragraphs_come_apart_again(pieces):
    pieces = [piece.strip() for piece in pieces]
    assert [paragraph.text for paragraph in split_paragraphs("\n\n".join(pieces))] == pieces


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param(" \n\u3000\r\n", [], id="blank"),
        pytest.param("a\nb", ["a\nb"], id="one-line-end"),
        pytest.param("a\r\nb", ["a\r\nb"], id="crlf-is-one-line-end"),
        pytest.param("a\n\rb", ["a", "b"], id="lf-cr-are-two"),
        pytest.param("a\r\n \t\r\nb", ["a", "b"], id="white-line"),
        pytest.param("a\n\u2003\nb", ["a", "b"], id="em-space-line"),
        pytest.param("a\n\u200b\nb", ["a\n\u200b\nb"], id="zero-width-space-is-not-white"),
        pytest.param("\n\n  a  \n\n\n\n b\n", ["a", "b"], id="trimmed"),
        pytest.param("a\u2029\u2029b", ["a\u2029\u2029b"], id="other-separators-end-no-line"),
    ],
)
def test_golden_cuts(text, expected):
    assert [paragraph.text for paragraph in split_paragraphs(text)] == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param("x" * 10_000_000, 1, id="one-line"),
        pytest.param("x" + " " * 10_000_000 + "y", 1, id="inner-spaces"),
        pytest.param(" " * 10_000_000, 0, id="spaces"),
        pytest.param("\n" * 10_000_000, 0, id="line-ends"),
        pytest.param("x" + "\r\n" * 5_000_000 + "x", 2, id="blank-lines"),
        pytest.param("x\n" + " " * 5_000_000 + "x\n" + " " * 5_000_000, 1, id="indented"),
        pytest.param("x\n \r" * 200_000, 200_000, id="many"),
    ],
)
def test_large_texts_at_their_worst(text, count):
    """A cut that was not linear in the length would never end here."""
    paragraphs = split_paragraphs(text)
    assert len(paragraphs) == count
    assert all(text[paragraph.start : paragraph.end] == paragraph.text for paragraph in paragraphs)
