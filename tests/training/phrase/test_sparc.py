"""Sparse scores in training against explicit vectors over the vocabulary: all unigrams, all pairs of word pieces."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.data import Question
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.training.data.examples import make_examples
from densephrase.training.phrase.batches import TrainingBatch, make_paragraph_batch
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.sparc import sparc_scores
from tests.conftest import make_encoder
from tests.training.facts import make_facts

VOCABULARY = 5
SIDES = {"start": (0, 1), "end": (2, 3)}  # the unigram and the bigram head of each
Bag = dict[tuple[int, ...], float]


def batch_of(text_ids: Tensor, question_ids: Tensor) -> TrainingBatch:
    """Return a batch of which only the word pieces matter."""
    nothing = torch.zeros(0)
    return TrainingBatch(text_ids, *[nothing] * 3, question_ids, *[nothing] * 10)


def one_hot_ngrams(ids: Tensor, order: int) -> Tensor:
    """Return the n-gram at each place as a vector, float64 (rows, tokens, VOCABULARY**order); the last bigram is 0."""
    single = torch.nn.functional.one_hot(ids, VOCABULARY).double()
    if order == 1:
        return single
    second = torch.cat([single[:, 1:], torch.zeros_like(single[:, :1])], 1)
    return (single[:, :, :, None] * second[:, :, None, :]).flatten(2)


def explicit_scores(text: Tensor, question: Tensor, batch: TrainingBatch) -> list[Tensor]:
    """Return start and end scores (Q, P, T) as products of vectors of `VOCABULARY + VOCABULARY**2` dimensions."""
    scores = []
    for heads in SIDES.values():
        rows, asked = [], []
        for order, head in enumerate(heads, 1):
            rows.append(torch.einsum("pit,ptv->piv", text[:, head].double(), one_hot_ngrams(batch.text_ids, order)))
            asked.append(
                torch.einsum("qu,quv->qv", question[:, head].double(), one_hot_ngrams(batch.question_ids, order))
            )
        scores.append(torch.einsum("piv,qv->qpi", torch.cat(rows, -1), torch.cat(asked, -1)))
    return scores


def as_of_heads(raw: Tensor) -> Tensor:
    """Return weights as heads make them: about half of them 0, no bigram at the last token."""
    allowed = torch.ones_like(raw)
    allowed[:, 1::2, ..., -1] = 0
    return raw.relu() * allowed


@pytest.mark.parametrize("asked", [1, 2, 7], ids="questions of {}".format)
@pytest.mark.parametrize("tokens", [1, 2, 9], ids="texts of {}".format)
@pytest.mark.parametrize("pieces", [1, 2, VOCABULARY], ids="{} word pieces".format)
def test_scores_and_gradients_are_those_of_explicit_vectors(pieces: int, tokens: int, asked: int) -> None:
    draw = torch.Generator().manual_seed(10 * tokens + asked)
    batch = batch_of(
        torch.randint(VOCABULARY - pieces, VOCABULARY, (3, tokens), generator=draw),
        torch.randint(VOCABULARY - pieces, VOCABULARY, (4, asked), generator=draw),
    )
    raw = [torch.randn(3, 4, tokens, tokens, generator=draw), torch.randn(4, 4, asked, generator=draw)]
    text, question = (as_of_heads(item.requires_grad_()) for item in raw)
    found, expected = sparc_scores(text, question, batch), explicit_scores(text, question, batch)
    weigh = [torch.randn(one.shape, generator=draw) for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.shape == (4, 3, tokens)
        assert one.dtype == torch.float32
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-5)
    gradients = [
        torch.autograd.grad(
            sum((score * by).sum() for score, by in zip(scores, weigh, strict=True)), raw, retain_graph=True
        )
        for scores in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_word_pieces_of_a_large_vocabulary_are_told_apart() -> None:
    draw = torch.Generator().manual_seed(3)
    every_pair = torch.cartesian_prod(torch.arange(VOCABULARY), torch.arange(VOCABULARY)).flatten()
    small = [every_pair[None], every_pair[None]]
    names = torch.tensor([0, 1, 7, 30_522, 65_536])  # pairs that would fall together in numbers too small for them
    weights = [as_of_heads(torch.randn(shape, generator=draw)) for shape in ((1, 4, 50, 50), (1, 4, 50))]
    found = sparc_scores(*weights, batch_of(*(names[ids] for ids in small)))
    for one, other in zip(found, explicit_scores(*weights, batch_of(*small)), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-3)


def test_texts_without_any_ngram_of_the_questions_score_nothing() -> None:
    batch = batch_of(torch.tensor([[0, 1, 0, 1]]), torch.tensor([[2, 3, 2]]))
    for scores in sparc_scores(as_of_heads(torch.ones(1, 4, 4, 4)), as_of_heads(torch.ones(1, 4, 3)), batch):
        assert not scores.any()


def test_repeated_ngrams_add_up() -> None:
    batch = batch_of(torch.tensor([[1, 2, 1, 2, 3]]), torch.tensor([[1, 2, 4, 1, 2]]))
    text, question = torch.zeros(1, 4, 5, 5), torch.zeros(1, 4, 5)
    text[0, 0, 4] = torch.tensor([1.0, 10.0, 2.0, 20.0, 0.0])  # start of token 4: "1" twice, "2" twice
    text[0, 1, 4] = torch.tensor([3.0, 100.0, 4.0, 200.0, 0.0])  # "1 2" twice, "2 1" and "2 3" once
    question[0, 0] = torch.tensor([5.0, 0.0, 50.0, 6.0, 0.0])
    question[0, 1] = torch.tensor([7.0, 70.0, 70.0, 8.0, 0.0])
    start, end = sparc_scores(text, question, batch)
    assert start[0, 0].tolist() == [0, 0, 0, 0, (1 + 2) * (5 + 6) + (3 + 4) * (7 + 8)]
    assert not end.any()


@pytest.fixture(scope="module")
def encoder() -> PhraseEncoder:
    return make_encoder(sparc_size=6, max_tokens=40)


def facts() -> list[Question]:
    """Return questions with question marks and repeated words, about paragraphs of different lengths."""
    text = "? was the king of the city the king of the city? the river in london, the river"
    odd = [
        Question("mark", "? was the king ? of the ?", ("london",), (text.index("london"),), "king ?", text),
        Question("again", "the river the river the king was the king", ("king",), (text.index("king"),), "", text),
        Question("short", "king?", ("king",), (0,), "", "king"),
    ]
    return [*make_facts()[:6], *odd]


def make_real_batch(encoder: PhraseEncoder) -> TrainingBatch:
    windows = make_examples(facts(), encoder.tokeniser, 6).windows
    return make_paragraph_batch(
        windows, TrainingConfig(title_dropout=0.0), encoder.config.pad_token_id, np.random.default_rng(0)
    )


def attention(model: PhraseModel, hidden: Tensor, head: int) -> NDArray[np.float64]:
    """Return ReLU(Q K^T / sqrt(d)), float64 (tokens, tokens)."""
    assert model.sparc is not None
    size = model.config.sparc_size
    part = slice(head * size, (head + 1) * size)
    with torch.inference_mode():
        query, key = (layer(hidden).double().numpy()[:, part] for layer in (model.sparc.query, model.sparc.key))
    product: NDArray[np.float64] = np.maximum(query @ key.T / np.sqrt(size), 0)
    return product


def add_up(weights: NDArray[np.float64], ids: list[int], places: list[int], order: int, bag: Bag) -> None:
    """Add the n-grams that begin at `places` to a sparse vector."""
    for place in places:
        bag[tuple(ids[place : place + order])] += float(weights[place])


def text_vector(weights: list[NDArray[np.float64]], ids: list[int], own: list[int], token: int) -> Bag:
    """Return the sparse vector of a token: n-grams of the paragraph's own tokens that do not hold the token itself."""
    bag: Bag = defaultdict(float)
    for order, matrix in enumerate(weights, 1):
        whole = [place for place in own if place + order - 1 in own]
        add_up(matrix[token], ids, [t for t in whole if not t <= token < t + order], order, bag)
    return bag


def question_vector(weights: list[NDArray[np.float64]], ids: list[int], special: set[int]) -> Bag:
    """Return a question's sparse vector: n-grams of its words, with neither special tokens nor question marks."""
    bag: Bag = defaultdict(float)
    for order, matrix in enumerate(weights, 1):
        places = [t for t in range(len(ids) - order + 1) if not special & set(ids[t : t + order])]
        add_up(matrix[0], ids, places, order, bag)
    return bag


def hidden_states(model: PhraseModel, ids: list[int]) -> Tensor:
    given = torch.tensor([ids])
    with torch.inference_mode():
        return model.hidden(given, torch.ones_like(given, dtype=torch.bool))[0]


@pytest.mark.parametrize("side", SIDES)
def test_a_models_scores_are_products_of_bags_of_ngrams(side: str, encoder: PhraseEncoder) -> None:
    model, batch = encoder._model, make_real_batch(encoder)
    with torch.inference_mode():
        text = model.encode_text(batch.text_ids, batch.text_mask, batch.token_mask)
        question = model.encode_questions(batch.question_ids, batch.question_mask)
        assert text.sparc is not None
        assert question.sparc is not None
        found = sparc_scores(text.sparc, question.sparc, batch)[list(SIDES).index(side)]
    config = model.config
    special = {config.cls_token_id, config.sep_token_id, config.pad_token_id, config.question_mark_id}
    asked = []
    for row, mask in zip(batch.question_ids, batch.question_mask, strict=True):
        ids = row[mask].tolist()
        hidden = hidden_states(model, ids)
        asked.append(question_vector([attention(model, hidden, head) for head in SIDES[side]], ids, special))
    some = 0
    for number, mask in enumerate(batch.text_mask):
        ids = batch.text_ids[number][mask].tolist()
        own = batch.token_mask[number].nonzero()[:, 0].tolist()
        hidden = hidden_states(model, ids)
        weights = [attention(model, hidden, head) for head in SIDES[side]]
        for token in own:
            vector = text_vector(weights, ids, own, token)
            expected = [sum(weight * bag.get(ngram, 0.0) for ngram, weight in vector.items()) for bag in asked]
            np.testing.assert_allclose(found[:, number, token], expected, rtol=2e-3, atol=2e-3)
            some += sum(score > 0.1 for score in expected)
    assert some > 100  # there was something to compare


def test_padding_never_counts(encoder: PhraseEncoder) -> None:
    model, batch = encoder._model, make_real_batch(encoder)
    wide = [torch.nn.functional.pad(ids, (0, 7)) for ids in (batch.text_ids, batch.text_mask, batch.token_mask)]
    asked = [torch.nn.functional.pad(ids, (0, 5)) for ids in (batch.question_ids, batch.question_mask)]
    with torch.inference_mode():
        narrow_text = model.encode_text(batch.text_ids, batch.text_mask, batch.token_mask).sparc
        narrow_question = model.encode_questions(batch.question_ids, batch.question_mask).sparc
        wide_text, wide_question = model.encode_text(*wide).sparc, model.encode_questions(*asked).sparc
    assert narrow_text is not None
    assert narrow_question is not None
    assert wide_text is not None
    assert wide_question is not None
    narrow = sparc_scores(narrow_text, narrow_question, batch)
    padded = sparc_scores(wide_text, wide_question, batch_of(wide[0], asked[0]))
    for one, other in zip(narrow, padded, strict=True):
        width = one.shape[2]
        own = batch.token_mask
        torch.testing.assert_close(other[:, :, :width][:, own], one[:, own], rtol=2e-3, atol=2e-3)
