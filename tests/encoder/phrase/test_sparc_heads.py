"""The matrix A of contextualised sparse vectors against its formula, place by place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from densephrase.encoder.phrase.model import PhraseModel, question_token_mask
from densephrase.encoder.phrase.sparc import HEADS, SparcHeads, gram_mask
from tests.conftest import make_encoder, make_tokenizer

TOKENS, SIZE = 9, 4
OWN = [(2, 8), (4, 9), (0, 9), (3, 4), (5, 5)]  # columns of the paragraph's own tokens
ORDERS = (1, 2, 1, 2)  # n-gram length of each head


def make_heads() -> tuple[SparcHeads, torch.Tensor]:
    torch.manual_seed(2)
    heads = SparcHeads(6, SIZE)
    return heads, torch.randn(len(OWN), TOKENS, 6)


def own_mask() -> torch.Tensor:
    return torch.tensor([[first <= column < last for column in range(TOKENS)] for first, last in OWN])


def attention(heads: SparcHeads, hidden: torch.Tensor, head: int) -> NDArray[np.float64]:
    """Return ReLU(Q K^T / sqrt(d)) of one text, float64 (tokens, tokens)."""
    part = slice(head * heads.size, (head + 1) * heads.size)
    states = hidden.detach().double().numpy()
    query, key = (
        states @ layer.weight.detach().double().numpy()[part].T + layer.bias.detach().double().numpy()[part]
        for layer in (heads.query, heads.key)
    )
    product: NDArray[np.float64] = np.maximum(query @ key.T / np.sqrt(heads.size), 0)
    return product


def test_text_weights_follow_the_formula() -> None:
    heads, hidden = make_heads()
    found = heads.text(hidden, own_mask()).detach().numpy()
    assert found.shape == (len(OWN), 4, TOKENS, TOKENS)
    for row, (first, last) in enumerate(OWN):
        for head, order in enumerate(ORDERS):
            expected = attention(heads, hidden[row], head)
            for i in range(TOKENS):
                for t in range(TOKENS):
                    inside = first <= t and t + order <= last
                    holds_itself = t <= i < t + order
                    wanted = expected[i, t] if inside and not holds_itself else 0
                    assert found[row, head, i, t] == pytest.approx(wanted, abs=1e-5), (row, head, i, t)


def test_question_weights_are_the_first_row() -> None:
    heads, hidden = make_heads()
    found = heads.first_token(hidden, own_mask()).detach().numpy()
    assert found.shape == (len(OWN), 4, TOKENS)
    for row, (first, last) in enumerate(OWN):
        for head, order in enumerate(ORDERS):
            expected = [
                value if first <= t and t + order <= last else 0
                for t, value in enumerate(attention(heads, hidden[row], head)[0])
            ]
            np.testing.assert_allclose(found[row, head], expected, atol=1e-5)


def test_every_head_has_weights_of_its_own() -> None:
    heads, hidden = make_heads()
    weights = heads.text(hidden, own_mask())
    assert len(HEADS) == weights.shape[1] == 4
    assert all((weights[:, head] > 0).any() for head in range(4))
    assert not torch.allclose(weights[:, 0], weights[:, 2])


@pytest.mark.parametrize(
    ("mask", "unigrams", "bigrams"),
    [
        ([1, 1, 1], [1, 1, 1], [1, 1, 0]),
        ([0, 1, 0, 1, 1, 0], [0, 1, 0, 1, 1, 0], [0, 0, 0, 1, 0, 0]),
        ([1], [1], [0]),
        ([0, 0], [0, 0], [0, 0]),
    ],
    ids=["all", "gaps", "one token", "none"],
)
def test_where_ngrams_may_begin(mask: list[int], unigrams: list[int], bigrams: list[int]) -> None:
    given = torch.tensor([mask]).bool()
    found = gram_mask(given)
    assert found[0].int().tolist() == [unigrams, bigrams, unigrams, bigrams]
    assert given[0].int().tolist() == mask  # left as it was


def question_ids(text: str, pads: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    ids = [2, *make_tokenizer().encode(text, add_special_tokens=False).ids, 3]
    mask = torch.tensor([[True] * len(ids) + [False] * pads])
    return torch.tensor([[*ids, *[0] * pads]]), mask


def test_questions_count_neither_special_tokens_nor_question_marks() -> None:
    ids, mask = question_ids("who ? was [SEP] king?", pads=2)
    counted = question_token_mask(ids, mask, make_encoder().config)
    pieces = [make_tokenizer().id_to_token(int(piece)) for piece in ids[counted]]
    assert "?" not in pieces
    assert "who" in pieces
    assert pieces[-1] == "king"
    assert not counted[0, 0]
    assert not counted[0, -3:].any()


@pytest.mark.parametrize("piece", ["cls_token_id", "sep_token_id", "pad_token_id"])
def test_a_special_token_within_a_question_never_counts(piece: str) -> None:
    config = make_encoder().config
    ids, mask = question_ids("who was king")
    ids[0, 2] = getattr(config, piece)
    counted = question_token_mask(ids, mask, config)
    assert counted[0].tolist() == [False, True, False, True, False]


def without(model: PhraseModel, change: Callable[[torch.Tensor], torch.Tensor]) -> list[torch.Tensor]:
    """Return the question's sparse weights before and after padding changes."""
    ids, mask = question_ids("when was the war in the city ?")
    longer, longer_mask = question_ids("when was the war in the city ?", pads=5)
    with torch.inference_mode():
        outputs = [model.encode_questions(ids, mask), model.encode_questions(change(longer), longer_mask)]
    return [output.sparc for output in outputs if output.sparc is not None]


def test_padding_of_a_question_never_counts() -> None:
    def other_pads(ids: torch.Tensor) -> torch.Tensor:
        ids[0, -5:] = ids[0, 1:6]  # not even where a word stands behind the mask
        return ids

    model = make_encoder(sparc_size=SIZE)._model.double()  # in float32 rounding alone makes 1e-4 of it
    for change in (lambda ids: ids, other_pads):
        short, padded = without(model, change)
        torch.testing.assert_close(padded[..., : short.shape[-1]], short, rtol=0, atol=1e-10)
        assert not padded[..., short.shape[-1] :].any()
        assert (short > 0).any()
