"""Sparc heads that no longer say anything start again; those that live stay as they are."""

from __future__ import annotations

import pytest
import torch

from densephrase.encoder.phrase.sparc import HEADS
from densephrase.training.data.examples import TrainingWindow, make_examples
from densephrase.training.finish.revival import revive_heads
from tests.conftest import make_encoder
from tests.training.facts import make_facts

SIZE = 8


def windows() -> list[TrainingWindow]:
    return make_examples(make_facts(), make_encoder().tokeniser, 6).windows


@pytest.mark.parametrize(
    ("dead", "revived"), [((), ()), ((0,), (0,)), ((1, 2), (1, 2)), ((2, 3), ()), ((0, 2, 3), (0,))], ids=str
)
def test_dead_heads_start_from_their_living_neighbour(dead: tuple[int, ...], revived: tuple[int, ...]) -> None:
    model = make_encoder(sparc_size=SIZE).model
    assert model.sparc is not None
    with torch.no_grad():
        model.sparc.query.weight *= 0.01
        model.sparc.key.weight *= 0.01
        for head in range(4):
            rows = slice(head * SIZE, (head + 1) * SIZE)
            model.sparc.query.bias[rows] = 5.0
            model.sparc.key.bias[rows] = -5.0 if head in dead else 5.0
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert revive_heads(model, windows(), 0) == [HEADS[head] for head in revived]
    for name, value in model.state_dict().items():
        if not name.startswith("sparc."):
            assert torch.equal(value, before[name])
            continue
        for head in range(4):
            rows, other = slice(head * SIZE, (head + 1) * SIZE), slice((head ^ 1) * SIZE, ((head ^ 1) + 1) * SIZE)
            expected = 0.5**0.5 * before[name][other] if head in revived else before[name][rows]
            torch.testing.assert_close(value[rows], expected)


def test_an_encoder_without_sparc_has_none_to_revive() -> None:
    assert revive_heads(make_encoder().model, windows(), 0) == []
