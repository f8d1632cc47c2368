"""Paragraphs: windows, offsets, filter and batches against one window at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase import phrase_encoder
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from tests.conftest import make_encoder
from tests.encoder.direct import direct_rows, own_ids, without_quantiser
from tests.soaking import examples

LONG = ParagraphInput(
    "The city of Paris lies by the river. " * 4 + "Who was king in 1789, and when was he born?", "The war"
)
SHORT = ParagraphInput("London, 1666.", "")
PARAGRAPHS = [LONG, SHORT, ParagraphInput("a b c", "Paris"), ParagraphInput(LONG.text[:60], "A very, very long title")]


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    return make_encoder()


@pytest.fixture(scope="module")
def exact() -> PhraseEncoder:
    return without_quantiser(make_encoder())


def test_a_long_paragraph_gives_every_token_once(encoder: PhraseEncoder) -> None:
    tokens = len(own_ids(encoder, LONG.text))
    assert tokens > 2 * encoder.config.window_capacity
    [encoded] = encoder.encode_paragraphs([LONG])
    assert encoded.tokens == tokens
    for places in (encoded.start_token, encoded.end_token):
        assert places.dtype == np.int32
        np.testing.assert_array_equal(places, np.arange(tokens))


@pytest.mark.parametrize("paragraph", PARAGRAPHS, ids=["long", "short", "titled", "long title"])
def test_rows_are_those_of_the_owning_window(exact: PhraseEncoder, paragraph: ParagraphInput) -> None:
    expected = direct_rows(exact, paragraph)
    [encoded] = exact.encode_paragraphs([paragraph])
    np.testing.assert_allclose(encoded.start_codes, expected["start"], atol=1e-4)
    np.testing.assert_allclose(encoded.end_codes, expected["end"], atol=1e-4)


def test_decoded_rows_are_within_half_a_step(encoder: PhraseEncoder) -> None:
    expected = direct_rows(encoder, LONG)
    [encoded] = encoder.encode_paragraphs([LONG])
    for codes, rows, quantiser in (
        (encoded.start_codes, expected["start"], encoder.start_quantiser),
        (encoded.end_codes, expected["end"], encoder.end_quantiser),
    ):
        assert codes.dtype == np.int8
        reach = 127 * quantiser.scale
        error = np.abs(quantiser.decode(codes) - np.clip(rows, quantiser.offset - reach, quantiser.offset + reach))
        assert (error <= quantiser.scale / 2 + 1e-4).all()


def test_the_company_of_other_paragraphs_changes_nothing(exact: PhraseEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [exact.encode_paragraphs([paragraph])[0] for paragraph in PARAGRAPHS]
    together = exact.encode_paragraphs(PARAGRAPHS[::-1])[::-1]
    monkeypatch.setattr(phrase_encoder, "_BATCH_TOKENS", 70)
    in_pieces = exact.encode_paragraphs(PARAGRAPHS)
    for one, *others in zip(alone, together, in_pieces, strict=True):
        for other in others:
            np.testing.assert_array_equal(other.start_token, one.start_token)
            np.testing.assert_allclose(other.start_codes, one.start_codes, atol=1e-4)
            np.testing.assert_allclose(other.end_codes, one.end_codes, atol=1e-4)


def test_the_title_changes_vectors_but_has_no_tokens_of_its_own(exact: PhraseEncoder) -> None:
    text = "king of the city"
    plain, titled = exact.encode_paragraphs([ParagraphInput(text), ParagraphInput(text, "London river 1666")])
    assert plain.tokens == titled.tokens == 4
    np.testing.assert_array_equal(titled.start_char, [0, 5, 8, 12])
    np.testing.assert_array_equal(titled.end_char, [4, 7, 11, 16])
    assert np.abs(plain.start_codes - titled.start_codes).max() > 1e-2


@pytest.mark.parametrize("side", ["start", "end"])
def test_the_filter_drops_the_tokens_below_its_threshold(side: str) -> None:
    column = ("start", "end").index(side)
    logits = direct_rows(make_encoder(), LONG)["filter"][:, column]
    ordered = np.sort(logits)
    widest = int(np.argmax(np.diff(ordered)[5:-5])) + 5  # far from any logit, so that rounding decides nothing
    threshold = float(ordered[widest : widest + 2].mean())
    [encoded] = make_encoder(**{f"{side}_threshold": threshold}).encode_paragraphs([LONG])
    kept, other = (encoded.start_token, encoded.end_token)[:: 1 - 2 * column]
    np.testing.assert_array_equal(kept, np.flatnonzero(logits >= threshold))
    np.testing.assert_array_equal(other, np.arange(encoded.tokens))
    assert len(encoded.start_codes) == len(encoded.start_char) == len(encoded.start_token)
    assert len(encoded.end_codes) == len(encoded.end_char) == len(encoded.end_token)


def test_a_filter_may_keep_nothing() -> None:
    [encoded] = make_encoder(start_threshold=1e6, end_threshold=1e6).encode_paragraphs([LONG])
    assert encoded.tokens > 0
    assert encoded.start_codes.shape == encoded.end_codes.shape == (0, 36)


def test_no_paragraphs(encoder: PhraseEncoder) -> None:
    assert encoder.encode_paragraphs([]) == []


@pytest.mark.parametrize(
    "text", ["", "  \n\t \u00a0\u3000", "\u0000\ufffd\u200b"], ids=["empty", "white space", "control"]
)
def test_a_paragraph_without_tokens_has_no_rows(encoder: PhraseEncoder, text: str) -> None:
    empty, neighbour = encoder.encode_paragraphs([ParagraphInput(text, "Paris"), SHORT])
    assert (empty.tokens, empty.start_codes.shape, empty.end_codes.shape) == (0, (0, 36), (0, 36))
    assert empty.start_codes.dtype == np.int8
    assert neighbour.tokens == len(own_ids(encoder, SHORT.text))


def test_unknown_characters_keep_their_places(encoder: PhraseEncoder) -> None:
    text = "\u2603 \U0001f600\U0001f600 \u4e2d\u6587"
    [encoded] = encoder.encode_paragraphs([ParagraphInput(text)])
    phrases = [text[a:b] for a, b in zip(encoded.start_char, encoded.end_char, strict=True)]
    assert "".join(phrases) == text.replace(" ", "")


TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aZ9 .\u00e9e\u0301\u4e2d\U0001f600"))
)


@settings(max_examples=examples(60), deadline=None)
@given(text=TEXT, title=TEXT)
def test_offsets_are_code_points_of_the_paragraph(text: str, title: str) -> None:
    [encoded] = _shared().encode_paragraphs([ParagraphInput(text, title)])
    np.testing.assert_array_equal(encoded.start_token, encoded.end_token)
    assert (np.diff(encoded.start_token) > 0).all()
    assert (np.diff(encoded.start_char) >= 0).all()
    phrases = [text[a:b] for a, b in zip(encoded.start_char, encoded.end_char, strict=True)]
    assert all(phrase and not phrase.isspace() for phrase in phrases)
    covered = {at for a, b in zip(encoded.start_char, encoded.end_char, strict=True) for at in range(a, b)}
    assert covered >= {at for at, character in enumerate(text) if character.isalnum()}


_MADE: list[PhraseEncoder] = []


def _shared() -> PhraseEncoder:
    if not _MADE:
        _MADE.append(make_encoder())
    return _MADE[0]
