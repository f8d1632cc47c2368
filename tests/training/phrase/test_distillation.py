"""The distillation loss against the cross-entropy of listed spans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from densephrase.encoder.phrase.model import QuestionOutput, TextVectors
from densephrase.reader.spans import span_band
from densephrase.training.data.teacher import span_distribution
from densephrase.training.phrase.batches import TrainingBatch
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.loss import losses, span_losses

PARAGRAPHS, TOKENS, QUESTIONS = 3, 9, 4
OWN = [(1, 8), (3, 7), (2, 4)]  # columns of the paragraph's own tokens
GOLD = [(0, 2, 4), (1, 4, 4), (2, 2, 3), (0, 7, 7)]  # window, start, end
LIMITS = pytest.mark.parametrize("limit", [1, 3, 30], ids="at most {} tokens".format)


def make_batch(taught: list[bool]) -> TrainingBatch:
    """Return a batch with random logits of a teacher for some questions, -inf off their paragraphs."""
    draw = torch.Generator().manual_seed(4)
    token_mask = torch.zeros(PARAGRAPHS, TOKENS, dtype=torch.bool)
    for number, (first, last) in enumerate(OWN):
        token_mask[number, first:last] = True
    logits = torch.full((QUESTIONS, 2, TOKENS if any(taught) else 0), float("-inf"))
    for row, (window, _, _) in enumerate(GOLD):
        if taught[row]:
            logits[row][:, token_mask[window]] = 3 * torch.randn(2, int(token_mask[window].sum()), generator=draw)
    text_ids, question_ids = torch.randint(4, 7, (PARAGRAPHS, TOKENS), generator=draw), torch.full((QUESTIONS, 3), 5)
    target = torch.zeros(PARAGRAPHS, TOKENS, 2)
    places = torch.tensor(GOLD).T
    return TrainingBatch(
        text_ids,
        torch.ones_like(token_mask),
        token_mask,
        target,
        question_ids,
        torch.ones_like(question_ids, dtype=torch.bool),
        *places,
        weight=torch.ones(QUESTIONS),
        teacher=logits,
        has_teacher=torch.tensor(taught),
        terms=torch.zeros(QUESTIONS, PARAGRAPHS),
        copied_starts=torch.empty(0, 3, dtype=torch.int64),
        copied_ends=torch.empty(0, 3, dtype=torch.int64),
    )


def make_scores(batch: TrainingBatch, scale: float) -> list[Tensor]:
    """Return start and end scores (Q, P, T) and coherencies (P, T, T) that want gradients."""
    draw = torch.Generator().manual_seed(5)
    shapes = ((QUESTIONS, PARAGRAPHS, TOKENS), (QUESTIONS, PARAGRAPHS, TOKENS), (PARAGRAPHS, TOKENS, TOKENS))
    return [(scale * torch.randn(*shape, generator=draw)).requires_grad_() for shape in shapes]


def listed_cross_entropy(start: Tensor, end: Tensor, coherency: Tensor, batch: TrainingBatch, limit: int) -> Tensor:
    """Return the mean of -sum p log q over all spans of each taught question's own paragraph, in float64."""
    found = []
    for q, (window, _, _) in enumerate(GOLD):
        if not batch.has_teacher[q]:
            continue
        first, last = OWN[window]
        spans = [(i, j) for i in range(first, last) for j in range(i, min(i + limit, last))]
        taught = torch.stack([(batch.teacher[q, 0, i] + batch.teacher[q, 1, j]).double() for i, j in spans]).softmax(0)
        ours = torch.stack([(start[q, window, i] + end[q, window, j] + coherency[window, i, j]) for i, j in spans])
        found.append(-(taught * ours.double().log_softmax(0)).sum())
    return torch.stack(found).mean()


@LIMITS
@pytest.mark.parametrize("scale", [1.0, 20.0], ids="scores of {}".format)
@pytest.mark.parametrize("taught", [[True] * 4, [False, True, False, True]], ids=["all taught", "some taught"])
def test_distillation_is_the_cross_entropy_over_listed_spans(taught: list[bool], scale: float, limit: int) -> None:
    batch = make_batch(taught)
    leaves = make_scores(batch, scale)
    start, end = (side.masked_fill(~batch.token_mask, float("-inf")) for side in leaves[:2])
    settings = TrainingConfig(max_answer_tokens=limit, distillation_loss=1.0)
    found = span_losses(start, end, leaves[2], batch, settings).distillation
    expected = listed_cross_entropy(start, end, leaves[2], batch, limit)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-4)
    gradients = [torch.autograd.grad(loss, leaves, retain_graph=True) for loss in (found, expected)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("taught", "weight"), [([False] * 4, 2.0), ([True] * 4, 0.0)], ids=["nobody taught", "weight of 0"]
)
def test_without_a_teacher_or_a_weight_there_is_no_distillation(taught: list[bool], weight: float) -> None:
    batch = make_batch(taught)
    start, end, coherency = make_scores(batch, 1.0)
    found = span_losses(start, end, coherency, batch, TrainingConfig(distillation_loss=weight))
    assert found.distillation.item() == 0


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "with a sparse half"])
def test_distillation_counts_by_its_weight_in_every_total(sparse: bool) -> None:
    batch, draw = make_batch([True] * 4), torch.Generator().manual_seed(6)
    rows = [torch.randn(PARAGRAPHS, TOKENS, 5, generator=draw) for _ in range(2)]
    asked = [torch.randn(QUESTIONS, 5, generator=draw) for _ in range(2)]
    weights = [torch.rand(PARAGRAPHS, 4, TOKENS, TOKENS, generator=draw), torch.rand(QUESTIONS, 4, 3, generator=draw)]
    text = TextVectors(*rows, torch.zeros(PARAGRAPHS, TOKENS, 2), weights[0] if sparse else None)
    question = QuestionOutput(*asked, weights[1] if sparse else None)
    settings = TrainingConfig(distillation_loss=0.0, dense_loss=0.5)
    without = losses(text, question, batch, settings).total(settings)
    settings = replace(settings, distillation_loss=3.0)
    found = losses(text, question, batch, settings)
    added = 3.0 * found.full.distillation
    if sparse:
        assert found.dense is not None
        assert found.dense.distillation.item() != pytest.approx(found.full.distillation.item())
        added = added + 0.5 * 3.0 * found.dense.distillation
    assert (found.total(settings) - without).item() == pytest.approx(added.item(), rel=1e-4)
    assert added.item() > 0


@LIMITS
def test_a_distribution_over_spans_is_a_softmax_of_sums(limit: int) -> None:
    batch = make_batch([True] * 4)
    found = span_distribution(batch.teacher, span_band(TOKENS, limit, torch.device("cpu")))
    for q, (window, _, _) in enumerate(GOLD):
        first, last = OWN[window]
        sums = np.full((TOKENS, TOKENS), -np.inf)
        for i in range(first, last):
            for j in range(i, min(i + limit, last)):
                sums[i, j] = batch.teacher[q, 0, i] + batch.teacher[q, 1, j]
        exponents = np.exp(sums - sums.max())
        np.testing.assert_allclose(found[q], exponents / exponents.sum(), rtol=1e-4, atol=1e-6)
