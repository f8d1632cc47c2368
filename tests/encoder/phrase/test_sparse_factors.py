"""Stored sparse factors against the model's own matrix A; kept tokens, company, disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.encoder.phrase import phrase_encoder
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import EncoderError
from densephrase.search.prepare.sparse_vectors import StoredFactors, ngram_weights, scores_of_factors, sparse_weights
from tests.conftest import make_encoder
from tests.encoder.direct import direct_rows, own_ids
from tests.soaking import examples

LONG = ParagraphInput(
    "The city of Paris lies by the river. " * 4 + "Who was king in 1789, and when was he born?", "The war"
)
PARAGRAPHS = [LONG, ParagraphInput("London, 1666."), ParagraphInput("king", "Paris"), ParagraphInput("a b c a b c")]
NAMES = ["long", "short", "one token", "repeated"]
QUESTIONS = ["when was the king born?", "", "the river the river the river", "who lies by the river of paris"]
SCALE = "sparse_factors.scale"


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    """An encoder whose factors have all dimensions of its heads."""
    return make_encoder(sparc_size=8, sparc_rank=8)


def weights(encoder: PhraseEncoder, encoded: EncodedParagraph) -> list[NDArray[np.float32]]:
    """Return the weights that the factors of starts and of ends stand for, [2, rows, tokens] each."""
    assert encoder.sparse_scale is not None
    assert encoded.token_keys is not None
    rows = ((encoded.start_sparse, encoded.start_token), (encoded.end_sparse, encoded.end_token))
    found = []
    for side, (queries, tokens) in enumerate(rows):
        assert queries is not None
        found.append(sparse_weights(queries, tokens, encoded.token_keys, encoder.sparse_scale, side))
    return found


@pytest.mark.parametrize("paragraph", PARAGRAPHS, ids=NAMES)
def test_factors_of_all_dimensions_give_the_models_own_weights(
    encoder: PhraseEncoder, paragraph: ParagraphInput
) -> None:
    expected = direct_rows(encoder, paragraph)["sparc"]
    [encoded] = encoder.encode_paragraphs([paragraph])
    for side, (found, tokens) in enumerate(
        zip(weights(encoder, encoded), (encoded.start_token, encoded.end_token), strict=True)
    ):
        mine = expected[tokens, 2 * side : 2 * side + 2].transpose(1, 0, 2)
        np.testing.assert_allclose(found, mine, rtol=0.05, atol=0.04 * max(1.0, float(expected.max())))
        if encoded.tokens > 10:
            assert np.abs(found - mine).mean() < 0.03 * mine.mean()


def test_fewer_dimensions_come_close(encoder: PhraseEncoder) -> None:
    encoders = (encoder, make_encoder(sparc_size=8, sparc_rank=4))
    full, less = (weights(made, made.encode_paragraphs([LONG])[0])[0] for made in encoders)
    assert less.shape == full.shape
    assert 0 < np.abs(less - full).mean() < 0.5 * full.mean()


def test_the_long_paragraph_has_windows_enough() -> None:
    config = make_encoder().config
    assert len(own_ids(make_encoder(), LONG.text)) > 2 * config.window_capacity


@pytest.mark.parametrize("paragraph", PARAGRAPHS, ids=NAMES)
def test_scores_are_those_of_explicit_vectors_over_the_vocabulary(
    encoder: PhraseEncoder, paragraph: ParagraphInput
) -> None:
    """The kernelised match equals the product of vectors of V unigrams and V * V bigrams (Sparc, section 3.2)."""
    [encoded] = encoder.encode_paragraphs([paragraph])
    ids, size = encoded.token_ids.tolist(), encoder.tokeniser.tokenizer.get_vocab_size()
    questions = encoder.encode_questions(QUESTIONS).sparse
    assert questions is not None
    assert encoder.sparse_scale is not None
    assert encoded.token_keys is not None
    rows = ((encoded.start_sparse, encoded.start_token), (encoded.end_sparse, encoded.end_token))
    for side, (mine, (queries, tokens)) in enumerate(zip(weights(encoder, encoded), rows, strict=True)):
        assert queries is not None
        vectors = np.zeros((len(tokens), size + size * size), np.float32)
        for place in range(len(ids)):
            vectors[:, ids[place]] += mine[0][:, place]
            if place + 1 < len(ids):
                vectors[:, size * (1 + ids[place]) + ids[place + 1]] += mine[1][:, place]
        for ngrams in questions:
            asked = np.zeros(size + size * size, np.float32)
            asked[ngrams.unigrams] = ngrams.unigram_weights[side]
            first, second = np.divmod(ngrams.bigrams, 2**32)
            asked[size * (1 + first) + second] = ngrams.bigram_weights[side]
            factors = StoredFactors(queries, tokens, encoded.token_keys, encoded.token_ids)
            found = scores_of_factors(factors, encoder.sparse_scale, ngrams, side)
            np.testing.assert_allclose(found, vectors @ asked, rtol=1e-4, atol=1e-4)
            assert ngram_weights(encoded.token_ids, ngrams, side).shape == (2, encoded.tokens)


@pytest.mark.parametrize("side", ["start", "end"])
def test_only_kept_tokens_have_rows(side: str) -> None:
    column = ("start", "end").index(side)
    logits = direct_rows(make_encoder(sparc_size=8), LONG)["filter"][:, column]
    ordered = np.sort(logits)
    widest = int(np.argmax(np.diff(ordered)[5:-5])) + 5  # far from any logit, so that rounding decides nothing
    threshold = float(ordered[widest : widest + 2].mean())
    [every] = make_encoder(sparc_size=8).encode_paragraphs([LONG])
    [some] = make_encoder(sparc_size=8, **{f"{side}_threshold": threshold}).encode_paragraphs([LONG])
    kept, all_tokens = getattr(some, f"{side}_token"), getattr(every, f"{side}_token")
    assert 0 < len(kept) < len(all_tokens)
    expected = getattr(every, f"{side}_sparse")[np.isin(all_tokens, kept)]
    np.testing.assert_array_equal(getattr(some, f"{side}_sparse"), expected)
    np.testing.assert_array_equal(some.token_keys, every.token_keys)


def test_the_company_of_other_paragraphs_changes_nothing(
    encoder: PhraseEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = [encoder.encode_paragraphs([paragraph])[0] for paragraph in PARAGRAPHS]
    together = encoder.encode_paragraphs(PARAGRAPHS[::-1])[::-1]
    monkeypatch.setattr(phrase_encoder, "_BATCH_TOKENS", 70)
    in_pieces = encoder.encode_paragraphs(PARAGRAPHS)
    for one, *others in zip(alone, together, in_pieces, strict=True):
        for other in others:
            for name in ("start_sparse", "end_sparse", "token_keys"):
                codes, found = (getattr(item, name).astype(int) for item in (one, other))
                assert np.abs(codes - found).max(initial=0) <= 1


def test_an_encoder_without_heads_has_none_of_it() -> None:
    plain = make_encoder()
    [encoded] = plain.encode_paragraphs([LONG])
    assert (encoded.start_sparse, encoded.end_sparse, encoded.token_keys, plain.sparse_scale) == (None,) * 4
    assert plain.encode_questions(QUESTIONS).sparse is None
    assert plain.encode_questions([]).sparse is None
    np.testing.assert_array_equal(encoded.token_ids, own_ids(plain, LONG.text))


TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("aZ9 .\u00e9e\u0301\u4e2d\U0001f600"))
)


@cache
def small_encoder() -> PhraseEncoder:
    return make_encoder(sparc_size=4, sparc_rank=3, start_threshold=0.0)


@settings(max_examples=examples(60), deadline=None)
@given(texts=st.lists(TEXT, max_size=4), title=TEXT)
def test_factors_are_well_formed(texts: list[str], title: str) -> None:
    for encoded in small_encoder().encode_paragraphs([ParagraphInput(text, title) for text in texts]):
        assert (encoded.token_ids.shape, encoded.token_ids.dtype) == ((encoded.tokens,), np.int32)
        for codes, shape in (
            (encoded.start_sparse, (len(encoded.start_token), 6)),
            (encoded.end_sparse, (len(encoded.end_token), 6)),
            (encoded.token_keys, (encoded.tokens, 12)),
        ):
            assert codes is not None
            assert (codes.shape, codes.dtype) == (shape, np.int8)
            assert codes.min(initial=0) >= -127


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_factors_come_back_from_disk(precision: str, tmp_path: Path, encoder: PhraseEncoder) -> None:
    encoder.save_pretrained(tmp_path, precision=precision)  # type: ignore[arg-type]
    loaded = PhraseEncoder.from_pretrained(tmp_path, bf16=False)
    np.testing.assert_array_equal(loaded.sparse_scale, encoder.sparse_scale)
    if precision == "float32":
        one, other = (made.encode_paragraphs([LONG])[0] for made in (encoder, loaded))
        for name in ("start_sparse", "end_sparse", "token_keys"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, encoder: PhraseEncoder) -> Path:
    folder = tmp_path_factory.mktemp("sparse")
    encoder.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: None, "the sparse factors of .* do not fit"),
        (lambda s: s[:3], "the sparse factors of .* do not fit"),
        (lambda s: s * 0, "have scales .* positive ones are expected"),
        (lambda s: -s, "have scales .* positive ones are expected"),
        (lambda s: s * float("nan"), "holds what is no number"),
    ],
    ids=["missing", "cut", "zero", "negative", "not a number"],
)
def test_damaged_scales_are_named(
    change: Callable[[torch.Tensor], torch.Tensor | None], message: str, saved: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "encoder"))
    path = folder / "model.safetensors"
    with safe_open(str(path), "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    scale = change(tensors.pop(SCALE))
    save_file(tensors if scale is None else {**tensors, SCALE: scale.contiguous()}, path, metadata)
    with pytest.raises(EncoderError, match=message):
        PhraseEncoder.from_pretrained(folder)


def test_heads_that_are_missing_are_named(saved: Path, tmp_path: Path) -> None:
    config = (saved / "config.json").read_text()
    make_encoder().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(EncoderError, match=r"missing \['sparc"):
        PhraseEncoder.from_pretrained(tmp_path)


def test_factors_without_heads_do_not_fit(saved: Path, tmp_path: Path) -> None:
    make_encoder().save_pretrained(tmp_path)
    shutil.copy(saved / "model.safetensors", tmp_path)
    with pytest.raises(EncoderError, match=r"unexpected \['sparc"):
        PhraseEncoder.from_pretrained(tmp_path)
