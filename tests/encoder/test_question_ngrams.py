"""A question's n-grams against the model's own weights of its tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.encoder.encoded import QuestionNgrams
from densephrase.encoder.phrase import phrase_encoder
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.question_ngrams import question_ngrams
from tests.conftest import make_encoder
from tests.encoder.direct import own_ids

QUESTIONS = ["when was the king born?", "", "the river the river the river", "? ? ?", "who lies by the river of paris"]


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    return make_encoder(sparc_size=8)


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


def test_equal_ngrams_of_a_question_add_up() -> None:
    weights = np.array([[0, 1, 2, 4, 8, 0], [0, 1, 2, 4, 0, 0], [0, 3, 0, 5, 0, 0], [0, 0, 6, 0, 0, 0]], np.float32)
    ngrams = question_ngrams([2, 7, 9, 7, 9, 3], weights)
    np.testing.assert_array_equal(ngrams.unigrams, [7, 9])
    np.testing.assert_array_equal(ngrams.unigram_weights, [[1 + 4, 2 + 8], [3 + 5, 0]])
    np.testing.assert_array_equal(ngrams.bigrams, [7 * 2**32 + 9, 9 * 2**32 + 7])
    np.testing.assert_array_equal(ngrams.bigram_weights, [[1 + 4, 2], [0, 6]])
