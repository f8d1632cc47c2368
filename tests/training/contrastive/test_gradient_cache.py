"""Cached gradients against those of the whole batch at once."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from densephrase.training.contrastive.gradient_cache import encode_in_chunks
from densephrase.training.contrastive.losses import in_batch_nll
from tests.training.contrastive.whole_batch import flat, whole_gradients, whole_loss
from tests.training.two_processes import Towers, batch_of

TOWERS = pytest.mark.parametrize("shared", [False, True], ids=["two towers", "one tower"])
CHUNKS = [0, 1, 3, 8, 100]


def gradients(model: nn.Module) -> Tensor:
    return torch.cat([value.grad.flatten() for value in model.parameters() if value.grad is not None])


def plain_chunks(encode: Callable[..., Tensor], inputs: Sequence[Tensor], chunk: int) -> Tensor:
    """Encode the same chunks, and keep everything."""
    return torch.cat([encode(*part) for part in zip(*(tensor.split(chunk) for tensor in inputs), strict=True)])


@TOWERS
@pytest.mark.parametrize("chunk", CHUNKS)
def test_gradients_are_those_of_the_whole_batch(chunk: int, shared: bool) -> None:
    model = Towers(shared)
    questions, positives, negatives = batch_of(0)
    loss = in_batch_nll(
        encode_in_chunks(model.encode_questions, [questions], chunk),
        encode_in_chunks(model.passage, [torch.cat([positives, negatives])], chunk),
        torch.arange(len(questions)),
    ).loss
    assert float(loss.detach()) == pytest.approx(float(whole_loss(Towers(shared)).detach()), abs=1e-12)
    torch.autograd.backward(loss)
    assert float((gradients(model) - whole_gradients(shared)).abs().max()) < 1e-12


@TOWERS
def test_gradients_are_those_of_the_whole_batch_of_two_processes(pair: Sequence[dict[str, Any]], shared: bool) -> None:
    expected, loss = whole_gradients(shared), float(whole_loss(Towers(shared)).detach())
    for process in pair:
        for found in process["cached"][shared]:
            assert float((flat(found["gradients"]) - expected).abs().max()) < 1e-12
            assert found["loss"]["loss"] == pytest.approx(loss, abs=1e-12)


@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_dropout_is_the_same_in_both_passes(bf16: bool, device: str) -> None:
    """The same chunks with everything kept draw the same random numbers: both must agree bit by bit."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    rows, found = torch.randn(2, 10, 16).to(device), []
    for encode_chunks in (plain_chunks, encode_in_chunks):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Dropout(0.5), nn.Linear(32, 8)).to(device)
        with torch.autocast(device, torch.bfloat16, enabled=bf16, cache_enabled=False):
            vectors = [encode_chunks(model, [side], 4) for side in rows]
        loss = in_batch_nll(vectors[0], vectors[1], torch.arange(10, device=device)).loss
        torch.autograd.backward(loss)
        found.append((loss.detach().cpu(), gradients(model).cpu(), torch.rand(3)))
    assert found[0][1].abs().max() > 0
    for plain, cached in zip(*found, strict=True):
        assert torch.equal(plain, cached)


def test_weights_are_not_cast_once_for_all_chunks() -> None:
    """A copy in bfloat16 that all chunks share would add up gradients in bfloat16, and 1 + 1/512 is 1 there."""
    layer = nn.Linear(1, 1, bias=False)
    rows = torch.tensor([[1.0], *([[1 / 512]] * 8)])
    with torch.autocast("cpu", torch.bfloat16):
        vectors = encode_in_chunks(layer, [rows], 1)
        assert torch.is_autocast_cache_enabled()
    torch.autograd.backward(vectors.float().sum())
    assert layer.weight.grad is not None
    assert float(layer.weight.grad) == 1 + 8 / 512


def test_only_a_chunk_is_held_at_a_time() -> None:
    """Count the chunks whose hidden states are alive whenever one is encoded: never another one's."""
    layer, alive, others = nn.Linear(4, 4), weakref.WeakSet[Tensor](), []

    def encode(rows: Tensor) -> Tensor:
        others.append(len(alive))
        hidden = layer(rows)
        alive.add(hidden)
        return hidden.square().sum(1, keepdim=True)  # whose gradient needs the hidden states

    vectors = encode_in_chunks(encode, [torch.randn(12, 4)], 3)
    torch.autograd.backward(vectors.sum())
    assert others == [0] * 8  # four chunks, each encoded twice
    others.clear()
    vectors = plain_chunks(encode, [torch.randn(12, 4)], 3)
    assert others == [0, 1, 2, 3]


def test_one_chunk_is_encoded_once() -> None:
    encoded = []

    def encode(rows: Tensor, more: Tensor) -> Tensor:
        encoded.append(len(rows))
        return (rows + more).square().sum(1, keepdim=True)

    rows = torch.ones(4, 2, requires_grad=True)
    for chunk, expected in ((0, [4]), (4, [4]), (9, [4]), (3, [3, 1, 1, 3])):
        encoded.clear()
        torch.autograd.backward(encode_in_chunks(encode, [rows, rows.detach()], chunk).square().sum())
        assert encoded == expected
