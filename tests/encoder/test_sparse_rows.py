"""Stored sparse vectors against the model's own matrix A; pruning and bookkeeping."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from densephrase.encoder import phrase_encoder
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionNgrams, SparseRows
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.sparse_rows import prune, question_ngrams
from densephrase.evaluation.sparse import sparse_scores
from tests.conftest import make_encoder
from tests.encoder.direct import direct_rows, own_ids

LONG = ParagraphInput(
    "The city of Paris lies by the river. " * 4 + "Who was king in 1789, and when was he born?", "The war"
)
PARAGRAPHS = [LONG, ParagraphInput("London, 1666."), ParagraphInput("king", "Paris"), ParagraphInput("a b c a b c")]
QUESTIONS = ["when was the king born?", "", "the river the river the river", "? ? ?", "who lies by the river of paris"]
NAMES = ["long", "short", "one token", "repeated"]


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    """An encoder that prunes nothing."""
    return make_encoder(sparc_size=8, sparc_entries=255)


def scale_of(encoder: PhraseEncoder) -> NDArray[np.float32]:
    assert encoder.sparse_scale is not None
    return encoder.sparse_scale


def sides(paragraph: EncodedParagraph) -> list[tuple[NDArray[np.int32], SparseRows]]:
    assert paragraph.start_sparse is not None
    assert paragraph.end_sparse is not None
    return [(paragraph.start_token, paragraph.start_sparse), (paragraph.end_token, paragraph.end_sparse)]


def decoded(rows: SparseRows, tokens: NDArray[np.int32], length: int) -> NDArray[np.int64]:
    """Return the codes by row, order and place in the paragraph, int64 [rows, 2, length]."""
    codes = np.zeros((len(tokens), 2, length), np.int64)
    for row, token in enumerate(tokens.tolist()):
        for at in range(rows.pointers[row], rows.pointers[row + 1]):
            offset, order = divmod(int(rows.entries[at]), 2)
            codes[row, order, token + offset] = rows.weights[at]
    return codes


@pytest.mark.parametrize("paragraph", PARAGRAPHS, ids=NAMES)
def test_rows_are_those_of_the_owning_window(encoder: PhraseEncoder, paragraph: ParagraphInput) -> None:
    expected = direct_rows(encoder, paragraph)["sparc"]
    [encoded] = encoder.encode_paragraphs([paragraph])
    for side, (tokens, rows) in enumerate(sides(encoded)):
        codes = decoded(rows, tokens, encoded.tokens)
        for order in (0, 1):
            scale = scale_of(encoder)[2 * side + order]
            weights = np.minimum(expected[:, 2 * side + order], 255 * scale)
            np.testing.assert_allclose(codes[:, order] * scale, weights, rtol=0, atol=scale * 0.5 + 1e-4)


def test_the_long_paragraph_has_windows_enough() -> None:
    config = make_encoder().config
    assert len(own_ids(make_encoder(), LONG.text)) > 2 * config.window_capacity


def question_bag(encoder: PhraseEncoder, text: str, side: int) -> dict[tuple[int, ...], float]:
    """Return what the model says of each n-gram of a question, equal ones added up."""
    ids = [encoder.config.cls_token_id, *own_ids(encoder, text), encoder.config.sep_token_id]
    with torch.inference_mode():
        given = torch.tensor([ids])
        output = encoder._model.encode_questions(given, torch.ones_like(given, dtype=torch.bool))
    assert output.sparc is not None
    bag: dict[tuple[int, ...], float] = {}
    for order in (1, 2):
        for place, weight in enumerate(output.sparc[0, 2 * side + order - 1].double().tolist()):
            ngram = tuple(ids[place : place + order])
            bag[ngram] = bag.get(ngram, 0.0) + weight
    return bag


def stored_bag(ngrams: QuestionNgrams, side: int) -> dict[tuple[int, ...], float]:
    """Return the weight of each n-gram of a question's sparse vector."""
    singles = zip(ngrams.unigrams.tolist(), ngrams.unigram_weights[side].tolist(), strict=True)
    pairs = zip(ngrams.bigrams.tolist(), ngrams.bigram_weights[side].tolist(), strict=True)
    return {(piece,): weight for piece, weight in singles} | {divmod(name, 2**32): weight for name, weight in pairs}


def assert_same_bags(found: dict[tuple[int, ...], float], expected: dict[tuple[int, ...], float]) -> None:
    for ngram in found.keys() | expected.keys():
        assert found.get(ngram, 0.0) == pytest.approx(expected.get(ngram, 0.0), rel=1e-3, abs=1e-3), ngram


@pytest.mark.parametrize("number", range(len(QUESTIONS)), ids=["plain", "empty", "repeated", "marks", "long"])
def test_question_ngrams_hold_each_ngram_once(encoder: PhraseEncoder, number: int) -> None:
    sparse = encoder.encode_questions(QUESTIONS).sparse
    assert sparse is not None
    ngrams = sparse[number]
    assert (np.diff(ngrams.unigrams) > 0).all()
    assert (np.diff(ngrams.bigrams) > 0).all()
    assert (ngrams.unigrams.dtype, ngrams.bigrams.dtype) == (np.int32, np.int64)
    for side in (0, 1):
        assert_same_bags(stored_bag(ngrams, side), question_bag(encoder, QUESTIONS[number], side))
    mark = encoder.config.question_mark_id
    assert mark not in ngrams.unigrams
    assert mark not in np.concatenate(np.divmod(ngrams.bigrams, 2**32))


@pytest.mark.parametrize("paragraph", PARAGRAPHS, ids=NAMES)
def test_stored_scores_are_the_models_own(encoder: PhraseEncoder, paragraph: ParagraphInput) -> None:
    weights = direct_rows(encoder, paragraph)["sparc"].astype(np.float64)
    ids = own_ids(encoder, paragraph.text)
    [encoded] = encoder.encode_paragraphs([paragraph])
    questions = encoder.encode_questions(QUESTIONS).sparse
    assert questions is not None
    np.testing.assert_array_equal(encoded.token_ids, ids)
    for side, (tokens, rows) in enumerate(sides(encoded)):
        scale = scale_of(encoder)[2 * side : 2 * side + 2].astype(np.float64)
        for text, ngrams in zip(QUESTIONS, questions, strict=True):
            bag = question_bag(encoder, text, side)
            asked = np.array([[bag.get(tuple(ids[t : t + n]), 0.0) for t in range(len(ids))] for n in (1, 2)])
            asked[1, -1] = 0
            clipped = np.minimum(weights[:, 2 * side : 2 * side + 2], 255 * scale[:, None])
            expected = np.einsum("int,nt->i", clipped, asked)
            error = (scale[:, None] * 0.5 * asked).sum() + 1e-3  # half a step for each n-gram
            found = sparse_scores(rows, tokens, encoded.token_ids, scale_of(encoder), ngrams, side)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=error)


@pytest.mark.parametrize("most", [1, 5, 20], ids="{} entries".format)
def test_pruning_keeps_the_largest(most: int) -> None:
    encoder = make_encoder(sparc_size=8, sparc_entries=most)
    weights = direct_rows(encoder, LONG)["sparc"]
    [encoded] = encoder.encode_paragraphs([LONG])
    for side, (tokens, rows) in enumerate(sides(encoded)):
        kept = decoded(rows, tokens, encoded.tokens) > 0
        mine = weights[:, 2 * side : 2 * side + 2]
        step = scale_of(encoder)[2 * side : 2 * side + 2].max()
        assert np.diff(rows.pointers).max() == most
        for row in range(len(tokens)):
            smallest = mine[row][kept[row]].min(initial=np.inf)
            if kept[row].sum() == most:
                assert mine[row][~kept[row]].max() <= smallest + 1e-4
            else:  # there were no more of a weight that is worth a code
                assert mine[row][~kept[row]].max() <= step * 0.5 + 1e-4


@pytest.mark.parametrize("side", ["start", "end"])
def test_only_kept_tokens_have_rows(side: str) -> None:
    column = ("start", "end").index(side)
    logits = direct_rows(make_encoder(sparc_size=8), LONG)["filter"][:, column]
    ordered = np.sort(logits)
    widest = int(np.argmax(np.diff(ordered)[5:-5])) + 5  # far from any logit, so that rounding decides nothing
    threshold = float(ordered[widest : widest + 2].mean())
    [every] = make_encoder(sparc_size=8).encode_paragraphs([LONG])
    [some] = make_encoder(sparc_size=8, **{f"{side}_threshold": threshold}).encode_paragraphs([LONG])
    (all_tokens, all_rows), (tokens, rows) = sides(every)[column], sides(some)[column]
    assert 0 < len(tokens) < len(all_tokens)
    expected = decoded(all_rows, all_tokens, every.tokens)[np.isin(all_tokens, tokens)]
    np.testing.assert_array_equal(decoded(rows, tokens, some.tokens), expected)
    np.testing.assert_array_equal(sides(some)[1 - column][1].entries, sides(every)[1 - column][1].entries)


def test_the_company_of_other_paragraphs_changes_nothing(
    encoder: PhraseEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [encoder.encode_paragraphs([paragraph])[0] for paragraph in PARAGRAPHS]
    together = encoder.encode_paragraphs(PARAGRAPHS[::-1])[::-1]
    monkeypatch.setattr(phrase_encoder, "_BATCH_TOKENS", 70)
    in_pieces = encoder.encode_paragraphs(PARAGRAPHS)
    for one, *others in zip(alone, together, in_pieces, strict=True):
        for other in others:
            for (tokens, rows), (_, again) in zip(sides(one), sides(other), strict=True):
                codes, found = (decoded(item, tokens, one.tokens) for item in (rows, again))
                assert np.abs(codes - found).max(initial=0) <= 1


def test_questions_keep_their_ngrams_in_any_company(encoder: PhraseEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phrase_encoder, "_BATCH_QUESTIONS", 2)
    together = encoder.encode_questions(QUESTIONS).sparse
    assert together is not None
    for text, found in zip(QUESTIONS, together, strict=True):
        alone = encoder.encode_questions([text]).sparse
        assert alone is not None
        for side in (0, 1):
            assert_same_bags(stored_bag(found, side), stored_bag(alone[0], side))


def test_no_questions_have_no_ngrams(encoder: PhraseEncoder) -> None:
    assert encoder.encode_questions([]).sparse == ()


def test_an_encoder_without_heads_has_none_of_it() -> None:
    plain = make_encoder()
    [encoded] = plain.encode_paragraphs([LONG])
    assert (encoded.start_sparse, encoded.end_sparse, plain.sparse_scale) == (None, None, None)
    assert plain.encode_questions(QUESTIONS).sparse is None
    assert plain.encode_questions([]).sparse is None
    np.testing.assert_array_equal(encoded.token_ids, own_ids(plain, LONG.text))


TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aZ9 .\u00e9e\u0301\u4e2d\U0001f600"))
)


@cache
def pruning_encoder() -> PhraseEncoder:
    return make_encoder(sparc_size=4, sparc_entries=7, start_threshold=0.0)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXT, max_size=4), title=TEXT)
def test_rows_are_well_formed(texts: list[str], title: str) -> None:
    for encoded in pruning_encoder().encode_paragraphs([ParagraphInput(text, title) for text in texts]):
        assert (encoded.token_ids.shape, encoded.token_ids.dtype) == ((encoded.tokens,), np.int32)
        for tokens, rows in sides(encoded):
            assert (rows.pointers.dtype, rows.entries.dtype, rows.weights.dtype) == (np.int64, np.int16, np.uint8)
            assert rows.pointers[0] == 0
            assert len(rows.pointers) == len(tokens) + 1
            assert rows.pointers[-1] == len(rows.entries) == len(rows.weights)
            assert np.isin(np.diff(rows.pointers), np.arange(8)).all()
            assert (rows.weights > 0).all()
            row = np.repeat(np.arange(len(tokens)), np.diff(rows.pointers))
            place, order = tokens[row] + (rows.entries >> 1), rows.entries & 1
            assert (place >= 0).all()
            assert (place + order < encoded.tokens).all()
            assert not ((place <= tokens[row]) & (tokens[row] <= place + order)).any()  # never the token itself
            assert (np.diff(rows.entries.astype(int))[np.diff(row) == 0] > 0).all()


def test_codes_are_rounded_and_stop_at_255() -> None:
    weights = torch.tensor([[[0.0, 0.26, 9.0], [0.31, 0.0, 0.04]]])
    pruned = prune(weights, torch.tensor([0.01, 0.1]), entries=6)
    found = {
        (int(order), int(column)): int(code)
        for order, column, code in zip(pruned.order[0], pruned.column[0], pruned.codes[0], strict=True)
    }
    assert found == {(0, 0): 0, (0, 1): 26, (0, 2): 255, (1, 0): 3, (1, 1): 0, (1, 2): 0}


def test_equal_ngrams_of_a_question_add_up() -> None:
    weights = np.array([[0, 1, 2, 4, 8, 0], [0, 1, 2, 4, 0, 0], [0, 3, 0, 5, 0, 0], [0, 0, 6, 0, 0, 0]], np.float32)
    ngrams = question_ngrams([2, 7, 9, 7, 9, 3], weights)
    np.testing.assert_array_equal(ngrams.unigrams, [7, 9])
    np.testing.assert_array_equal(ngrams.unigram_weights, [[1 + 4, 2 + 8], [3 + 5, 0]])
    np.testing.assert_array_equal(ngrams.bigrams, [7 * 2**32 + 9, 9 * 2**32 + 7])
    np.testing.assert_array_equal(ngrams.bigram_weights, [[1 + 4, 2], [0, 6]])
