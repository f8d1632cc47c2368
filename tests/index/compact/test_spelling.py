"""Texts and the places of tokens come back from word pieces, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.errors import IndexFormatError
from densephrase.index.compact.spelling import LONGEST_PIECE, WordPieces, pack_forms, spelled_text
from densephrase.kernels.mapped import Places
from densephrase.kernels.spelling import Spelled, spelled_bounds

WORDS = ("a", "##b", "ab", "c1", "x", "the", "ada", "met", "le", "cafe", "café", "[UNK]", ",", "play", "##ing", "ipod")
PIECES = WordPieces.of({word: number for number, word in enumerate(WORDS)})
Token = tuple[str, int, int]


def spell(paragraphs: list[tuple[str, list[Token]]]) -> Spelled:
    """Write paragraphs of known tokens, end to end."""
    forms, odd, ids = [], [], []
    for text, tokens in paragraphs:
        mine = [WORDS.index(piece) if piece in WORDS else 99 for piece, _, _ in tokens]
        offsets = np.array([at for _, *at in tokens], np.int32).reshape(-1, 2)
        form, rest = PIECES.spell(text, mine, offsets)
        forms.append(form)
        odd.append(rest)
        ids += mine
    return Spelled(
        pack_forms(np.concatenate(forms)),
        np.frombuffer(bytearray(b"".join(odd)), np.uint8),
        np.cumsum([0, *map(len, odd)]),
        Places.of(np.array(ids, np.uint16)),
        np.cumsum([0, *map(len, forms)]),
    )


def check(paragraphs: list[tuple[str, list[Token]]]) -> None:
    """Compare texts and the places of all pairs of tokens."""
    spelled, vocabulary = spell(paragraphs), PIECES.table
    whole = "".join(text for text, _ in paragraphs)
    together = spelled_text(spelled, vocabulary, 0, len(paragraphs), len(whole)).decode("utf-8", "surrogatepass")
    assert together == whole
    for number, (text, tokens) in enumerate(paragraphs):
        alone = spelled_text(spelled, vocabulary, number, number + 1, len(text))
        assert alone.decode("utf-8", "surrogatepass") == text
        for start, (_, begin, _) in enumerate(tokens):
            for end in range(start, len(tokens)):
                assert spelled_bounds(spelled, vocabulary, number, start, end) == (begin, tokens[end][2])


@pytest.mark.parametrize(
    ("text", "tokens", "forms"),
    [
        ("", [], []),
        (" ", [], []),
        ("Ada met ADA", [("ada", 0, 3), ("met", 4, 7), ("ada", 8, 11)], [1, 4, 6]),
        ("playing", [("play", 0, 4), ("##ing", 4, 7)], [0, 0]),
        ("PLAYing", [("play", 0, 4), ("##ing", 4, 7)], [2, 0]),
        ("a\n\nthe, ", [("a", 0, 1), ("the", 3, 6), (",", 6, 7)], [0, 3, 0]),
        ("le café ", [("le", 0, 2), ("cafe", 3, 7)], [0, 3]),
        ("iPod 字", [("ipod", 0, 4), ("[UNK]", 5, 6)], [3, 3]),
        ("ﬁa", [("x", 0, 1), ("x", 0, 1), ("a", 1, 2)], [3, 3, 0]),
        ("C1 \ud800", [("c1", 0, 2), ("unknown piece", 3, 4)], [1, 3]),
        ("x" * 9000, [("x", 0, 1), ("[UNK]", 8000, 9000)], [0, 3]),
    ],
)
def test_spellings(text: str, tokens: list[Token], forms: list[int]) -> None:
    check([(text, tokens)])
    offsets = np.array([at for _, *at in tokens], np.int32).reshape(-1, 2)
    found, _ = PIECES.spell(text, [WORDS.index(t[0]) if t[0] in WORDS else 99 for t in tokens], offsets)
    assert found.tolist() == forms


@st.composite
def paragraphs(draw: st.DrawFn) -> tuple[str, list[Token]]:
    text = draw(st.text(st.sampled_from("abcxABX the1,éß字 ") | st.characters(), max_size=30))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=16)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    tokens = [
        (draw(st.sampled_from([*(word for word in WORDS if word == text[first:last].lower()), "x", "?"])), first, last)
        for first, last in spans
    ]
    return text, tokens


@settings(deadline=None)  # the first example compiles
@given(st.lists(paragraphs(), min_size=1, max_size=4))
def test_every_text_comes_back(made: list[tuple[str, list[Token]]]) -> None:
    check(made)


@given(st.binary(max_size=30), st.lists(st.integers(0, 255), min_size=4, max_size=4))
def test_damaged_bytes_lead_nowhere(odd: bytes, forms: list[int]) -> None:
    pieces = Places.of(np.array([0, 3, 60_000, 5, 6, 1, 2, 3], np.uint16))
    blob = np.frombuffer(bytearray(odd), np.uint8)
    spelled = Spelled(np.array(forms, np.uint8), blob, np.array([0, len(odd)]), pieces, np.array([0, 8]))
    assert len(spelled_text(spelled, PIECES.table, 0, 1, 8 * 8)) <= len(odd) + 8 * 8
    spelled_bounds(spelled, PIECES.table, 0, 2, 7)


def test_tokens_that_stand_for_more_than_their_paragraph_get_no_memory() -> None:
    pieces, tokens = WordPieces.of({"x" * LONGEST_PIECE: 0, "y" * (LONGEST_PIECE + 1): 1}), 1000
    assert [len(piece) for piece in pieces.pieces] == [LONGEST_PIECE, 0]
    ids, none = Places.of(np.zeros(tokens, np.uint16)), np.empty(0, np.uint8)
    spelled = Spelled(np.zeros(tokens, np.uint8), none, np.zeros(2, np.int64), ids, np.array([0, tokens]))
    assert len(spelled_text(spelled, pieces.table, 0, 1, LONGEST_PIECE * tokens)) == LONGEST_PIECE * tokens
    with pytest.raises(IndexFormatError, match="paragraphs 0 to 0 make 1024000 bytes of 3000 characters"):
        spelled_text(spelled, pieces.table, 0, 1, 3000)
