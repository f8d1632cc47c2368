"""The objective against explicit loops over every span, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from densephrase.encoder.model import TextVectors
from densephrase.training.batches import TrainingBatch
from densephrase.training.config import TrainingConfig
from densephrase.training.loss import losses, span_evidence

PARAGRAPHS, TOKENS, QUESTIONS, SIZE, RANK = 3, 11, 4, 5, 2
OWN = [(1, 10), (4, 8), (3, 5)]  # columns of the paragraph's own tokens
GOLD = [(0, 2, 4), (1, 4, 4), (2, 3, 4), (0, 9, 9)]  # window, start, end
LIMITS = pytest.mark.parametrize("limit", [1, 3, 30], ids="at most {} tokens".format)


def make_batch() -> TrainingBatch:
    nothing = torch.zeros(0)
    token_mask = torch.zeros(PARAGRAPHS, TOKENS, dtype=torch.bool)
    for number, (first, last) in enumerate(OWN):
        token_mask[number, first:last] = True
    target = torch.zeros(PARAGRAPHS, TOKENS, 2)
    for window, start, end in GOLD:
        target[window, start, 0] = target[window, end, 1] = 1
    places = torch.tensor(GOLD).T
    return TrainingBatch(nothing, nothing, token_mask, target, nothing, nothing, *places)


def make_vectors(scale: float, rank: int = RANK) -> tuple[TextVectors, tuple[Tensor, Tensor]]:
    """Return random vectors whose scores spread like `scale`; every tensor wants a gradient."""
    draw = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return (torch.randn(*shape, generator=draw) * math.sqrt(scale / math.sqrt(SIZE))).requires_grad_()

    text = TextVectors(
        random(PARAGRAPHS, TOKENS, SIZE + rank), random(PARAGRAPHS, TOKENS, SIZE + rank), random(PARAGRAPHS, TOKENS, 2)
    )
    return text, (random(QUESTIONS, SIZE), random(QUESTIONS, SIZE))


def span_score(text: TextVectors, question: tuple[Tensor, Tensor], q: int, p: int, i: int, j: int) -> Tensor:
    start, end = text.start[p, i].double(), text.end[p, j].double()
    return start[:SIZE] @ question[0][q].double() + end[:SIZE] @ question[1][q].double() + start[SIZE:] @ end[SIZE:]


def brute_losses(text: TextVectors, question: tuple[Tensor, Tensor], batch: TrainingBatch, limit: int) -> list[Tensor]:
    """Return the four losses by listing all spans."""
    inside, across, ends = [], [], []
    for q, (window, i, j) in enumerate(GOLD):
        spans = [
            [span_score(text, question, q, p, a, b) for a in range(first, last) for b in range(a, min(a + limit, last))]
            for p, (first, last) in enumerate(OWN)
        ]
        gold = span_score(text, question, q, window, i, j)
        inside.append(torch.stack(spans[window]).logsumexp(0) - gold)
        across.append(torch.stack([score for scores in spans for score in scores]).logsumexp(0) - gold)
        for side, vectors, place in ((0, text.start, i), (1, text.end, j)):
            own = [vectors[p, t, :SIZE].double() for p, (first, last) in enumerate(OWN) for t in range(first, last)]
            scores = torch.stack([row @ question[side][q].double() for row in own])
            ends.append(scores.logsumexp(0) - vectors[window, place, :SIZE].double() @ question[side][q].double())
    kept = []
    for p, (first, last) in enumerate(OWN):
        for t in range(first, last):
            for side in (0, 1):
                logit, wanted = text.filter_logits[p, t, side].double(), batch.filter_target[p, t, side]
                kept.append(torch.nn.functional.softplus(-logit if wanted else logit))
    return [
        torch.stack(inside).mean(),
        torch.stack(across).mean(),
        torch.stack(ends).mean() * 2,
        torch.stack(kept).mean(),
    ]


@LIMITS
@pytest.mark.parametrize("rank", [0, RANK], ids="rank {}".format)
@pytest.mark.parametrize("scale", [1.0, 60.0], ids="scores of {}".format)
def test_losses_and_gradients_are_those_of_all_spans(limit: int, rank: int, scale: float) -> None:
    batch = make_batch()
    text, question = make_vectors(scale, rank)
    settings = TrainingConfig(paragraph_loss=0.7, batch_loss=1.3, start_end_loss=0.4, filter_loss=2.0)
    found, expected = losses(text, question, batch, limit), brute_losses(text, question, batch, limit)
    for one, other in zip(found, expected, strict=True):
        assert one.item() == pytest.approx(other.item(), rel=1e-4, abs=1e-4)
    leaves = [*text, *question]
    total = 0.7 * expected[0] + 1.3 * expected[1] + 0.4 * expected[2] + 2.0 * expected[3]
    wanted = torch.autograd.grad(total, leaves)
    for one, other in zip(torch.autograd.grad(found.total(settings), leaves), wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-3, atol=1e-3 * scale**0.5)


def brute_evidence(start: Tensor, end: Tensor, coherency: Tensor, limit: int) -> np.ndarray[tuple[int, ...], np.dtype]:
    questions, paragraphs, tokens = start.shape
    found = np.empty((questions, paragraphs))
    for q in range(questions):
        for p in range(paragraphs):
            scores = [
                float(start[q, p, i]) + float(end[q, p, j]) + float(coherency[p, i, j])
                for i in range(tokens)
                for j in range(i, min(i + limit, tokens))
            ]
            found[q, p] = np.logaddexp.reduce(scores)
    return found


@LIMITS
@pytest.mark.parametrize("masked", [False, True], ids=["all tokens", "masked"])
@pytest.mark.parametrize("size", [0.5, 60.0], ids="up to {}".format)
def test_evidence_is_the_sum_over_all_spans(limit: int, masked: bool, size: float) -> None:
    draw = torch.Generator().manual_seed(limit)
    start, end = ((torch.rand(2, 3, 9, generator=draw) * 2 - 1) * size for _ in range(2))
    coherency = (torch.rand(3, 9, 9, generator=draw) * 2 - 1) * size
    if masked:
        start[:, :, :2] = end[:, :, :2] = start[:, 1, 7:] = end[:, 1, 7:] = float("-inf")
    found = span_evidence(start, end, coherency, limit)
    np.testing.assert_allclose(found, brute_evidence(start, end, coherency, limit), rtol=1e-4, atol=1e-4)


def test_a_strong_start_gets_no_credit_for_an_end_out_of_reach() -> None:
    start, end = torch.full((1, 1, 12), -60.0), torch.full((1, 1, 12), -60.0)
    start[..., 0] = end[..., 11] = 60.0
    start.requires_grad_()
    end.requires_grad_()
    found = span_evidence(start, end, torch.zeros(1, 12, 12), 4)
    assert found.item() == pytest.approx(float(np.log(8)), abs=1e-4)  # 4 spans from token 0, 4 to token 11, each of 0
    found.sum().backward()
    for leaf in (start, end):
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()
        assert leaf.grad.sum().item() == pytest.approx(1, abs=1e-4)


def test_a_span_longer_than_the_limit_counts_for_nothing() -> None:
    start, end = torch.zeros(1, 1, 6), torch.zeros(1, 1, 6)
    coherency = torch.zeros(1, 6, 6)
    coherency[0, 0, 5] = coherency[0, 4, 1] = 50.0
    found = span_evidence(start, end, coherency, 3)
    assert found.item() == pytest.approx(float(np.log(6 + 5 + 4)), abs=1e-5)
