"""The objective against explicit loops over every span, in float64."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from densephrase.encoder.phrase.model import QuestionOutput, TextVectors
from densephrase.training.phrase.batches import TrainingBatch
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.loss import losses, span_evidence

PARAGRAPHS, TOKENS, QUESTIONS, ASKED, SIZE, RANK = 3, 11, 4, 6, 5, 2
OWN = [(1, 10), (4, 8), (3, 5)]  # columns of the paragraph's own tokens
GOLD = [(0, 2, 4), (1, 4, 4), (2, 3, 4), (0, 9, 9)]  # window, start, end
COPIED_STARTS = [(0, 1, 5), (2, 0, 3), (2, 1, 4)]  # question, window, column
COPIED_ENDS = [(0, 1, 7), (2, 0, 3)]
LIMITS = pytest.mark.parametrize("limit", [1, 3, 30], ids="at most {} tokens".format)


def make_batch() -> TrainingBatch:
    """Return a batch of few word pieces, so that questions and paragraphs have n-grams in common."""
    draw = torch.Generator().manual_seed(1)
    text_ids, question_ids = (
        torch.randint(5, 8, shape, generator=draw) for shape in ((PARAGRAPHS, TOKENS), (4, ASKED))
    )
    token_mask = torch.zeros(PARAGRAPHS, TOKENS, dtype=torch.bool)
    for number, (first, last) in enumerate(OWN):
        token_mask[number, first:last] = True
    target = torch.zeros(PARAGRAPHS, TOKENS, 2)
    for window, start, end in GOLD:
        target[window, start, 0] = target[window, end, 1] = 1
    masks = (torch.ones_like(ids, dtype=torch.bool) for ids in (text_ids, question_ids))
    rest = torch.ones(QUESTIONS), torch.zeros(QUESTIONS, 2, 0), torch.zeros(QUESTIONS, dtype=torch.bool)
    terms = 3 * torch.rand(QUESTIONS, PARAGRAPHS, generator=draw)
    copies = (torch.tensor(places).view(-1, 3) for places in (COPIED_STARTS, COPIED_ENDS))
    return TrainingBatch(
        text_ids,
        next(masks),
        token_mask,
        target,
        question_ids,
        next(masks),
        *torch.tensor(GOLD).T,
        *rest,
        terms,
        *copies,
    )


def make_vectors(scale: float, rank: int = RANK, sparse: bool = False) -> tuple[TextVectors, QuestionOutput]:
    """Return random vectors whose scores spread like `scale`; every tensor wants a gradient."""
    draw = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return (torch.randn(*shape, generator=draw) * math.sqrt(scale / math.sqrt(SIZE))).requires_grad_()

    def weights(*shape: int) -> Tensor:
        drawn = torch.randn(*shape, generator=draw).relu() * math.sqrt(scale / shape[-1])
        drawn[:, 1::2, ..., -1] = 0  # no bigram begins at the last token
        return drawn.requires_grad_()

    text = [random(PARAGRAPHS, TOKENS, SIZE + rank) for _ in range(2)]
    return (
        TextVectors(*text, random(PARAGRAPHS, TOKENS, 2), weights(PARAGRAPHS, 4, TOKENS, TOKENS) if sparse else None),
        QuestionOutput(
            random(QUESTIONS, SIZE), random(QUESTIONS, SIZE), weights(QUESTIONS, 4, ASKED) if sparse else None
        ),
    )


def leaves(text: TextVectors, question: QuestionOutput) -> list[Tensor]:
    return [leaf for leaf in (*text, *question) if leaf is not None]


def same_ngrams(text: list[int], question: list[int], order: int) -> Tensor:
    """Say which n-grams of a text and of a question are the same, float64 (tokens, asked)."""
    same = torch.zeros(len(text), len(question), dtype=torch.float64)
    for t in range(len(text) - order + 1):
        for u in range(len(question) - order + 1):
            same[t, u] = text[t : t + order] == question[u : u + order]
    return same


def sparse_side(text: TextVectors, question: QuestionOutput, batch: TrainingBatch, q: int, p: int, side: int) -> Tensor:
    """Return the sparse scores of the tokens of paragraph p for question q, float64 (tokens,)."""
    assert text.sparc is not None
    assert question.sparc is not None
    total = torch.zeros(TOKENS, dtype=torch.float64)
    for order in (1, 2):
        head = 2 * side + order - 1
        same = same_ngrams(batch.text_ids[p].tolist(), batch.question_ids[q].tolist(), order)
        total = total + text.sparc[p, head].double() @ same @ question.sparc[q, head].double()
    return total


def token_scores(text: TextVectors, question: QuestionOutput, batch: TrainingBatch, sparse: bool) -> list[Tensor]:
    """Return the scores of all starts and of all ends, float64 (questions, paragraphs, tokens)."""
    sides = []
    for side in (0, 1):
        dense = torch.einsum("qd,ptd->qpt", question[side].double(), text[side][..., :SIZE].double())
        if sparse:
            rows = [sparse_side(text, question, batch, q, p, side) for q in range(QUESTIONS) for p in range(PARAGRAPHS)]
            dense = dense + torch.stack(rows).view(dense.shape)
        for q, p, t in (COPIED_STARTS, COPIED_ENDS)[side]:
            dense[q, p, t] = -math.inf  # a right answer is no rival of itself
        sides.append(dense)
    return sides


def brute_span_losses(start: Tensor, end: Tensor, text: TextVectors, limit: int, terms: Tensor) -> list[Tensor]:
    """Return paragraph, batch and start + end losses by listing all spans; terms (questions, paragraphs)."""
    coherency = torch.einsum("pir,pjr->pij", text.start[..., SIZE:].double(), text.end[..., SIZE:].double())
    inside, across, ends = [], [], []
    for q, (window, i, j) in enumerate(GOLD):
        spans = [
            torch.stack(
                [
                    start[q, p, a] + end[q, p, b] + coherency[p, a, b] + terms[q, p]
                    for a in range(first, last)
                    for b in range(a, min(a + limit, last))
                ]
            )
            for p, (first, last) in enumerate(OWN)
        ]
        gold = start[q, window, i] + end[q, window, j] + coherency[window, i, j] + terms[q, window]
        inside.append(spans[window].logsumexp(0) - gold)
        across.append(torch.cat(spans).logsumexp(0) - gold)
        for side, place in ((start, i), (end, j)):
            own = torch.cat([side[q, p, first:last] + terms[q, p] for p, (first, last) in enumerate(OWN)])
            ends.append(own.logsumexp(0) - side[q, window, place] - terms[q, window])
    return [torch.stack(inside).mean(), torch.stack(across).mean(), torch.stack(ends).mean() * 2]


def brute_filter_loss(text: TextVectors, batch: TrainingBatch) -> Tensor:
    kept = []
    for p, (first, last) in enumerate(OWN):
        for t in range(first, last):
            for side in (0, 1):
                logit, wanted = text.filter_logits[p, t, side].double(), batch.filter_target[p, t, side]
                kept.append(torch.nn.functional.softplus(-logit if wanted else logit))
    return torch.stack(kept).mean()


def assert_same_gradients(found: Tensor, expected: Tensor, wanted: list[Tensor], scale: float) -> None:
    for one, other in zip(torch.autograd.grad(found, wanted), torch.autograd.grad(expected, wanted), strict=True):
        torch.testing.assert_close(one, other, rtol=2e-3, atol=1e-3 * scale**0.5)


@LIMITS
@pytest.mark.parametrize("rank", [0, RANK], ids="rank {}".format)
@pytest.mark.parametrize("scale", [1.0, 60.0], ids="scores of {}".format)
def test_losses_and_gradients_are_those_of_all_spans(limit: int, rank: int, scale: float) -> None:
    batch = make_batch()
    text, question = make_vectors(scale, rank)
    settings = TrainingConfig(
        paragraph_loss=0.7, batch_loss=1.3, start_end_loss=0.4, filter_loss=2.0, max_answer_tokens=limit
    )
    found = losses(text, question, batch, settings)
    assert found.dense is None
    assert found.full.distillation.item() == 0
    spans = brute_span_losses(*token_scores(text, question, batch, sparse=False), text, limit, 0 * batch.terms)
    expected = [*spans, brute_filter_loss(text, batch)]
    for one, other in zip((*found.full[:3], found.phrase_filter), expected, strict=True):
        assert one.item() == pytest.approx(other.item(), rel=1e-4, abs=1e-4)
    total = 0.7 * expected[0] + 1.3 * expected[1] + 0.4 * expected[2] + 2.0 * expected[3]
    assert_same_gradients(found.total(settings), total, leaves(text, question), scale)


@LIMITS
@pytest.mark.parametrize("weight", [0.0, 1.5], ids="terms weighted {}".format)
@pytest.mark.parametrize("scale", [1.0, 60.0], ids="scores of {}".format)
def test_a_sparse_half_and_terms_count_in_full_losses_and_not_in_dense_ones(
    limit: int, weight: float, scale: float
) -> None:
    batch = make_batch()
    text, question = make_vectors(scale, sparse=True)
    settings = TrainingConfig(
        paragraph_loss=0.7,
        batch_loss=1.3,
        start_end_loss=0.4,
        filter_loss=2.0,
        dense_loss=0.6,
        term_weight=weight,
        max_answer_tokens=limit,
    )
    found = losses(text, question, batch, settings)
    assert found.dense is not None
    full, dense = (
        brute_span_losses(*token_scores(text, question, batch, sparse), text, limit, sparse * weight * batch.terms)
        for sparse in (True, False)
    )
    assert [part.item() for part in full] != pytest.approx([part.item() for part in dense], rel=1e-2)
    for one, other in zip((*found.full[:3], *found.dense[:3]), (*full, *dense), strict=True):
        assert one.item() == pytest.approx(other.item(), rel=1e-4, abs=1e-4)
    weighted = [0.7 * part[0] + 1.3 * part[1] + 0.4 * part[2] for part in (full, dense)]
    total = weighted[0] + 0.6 * weighted[1] + 2.0 * brute_filter_loss(text, batch)
    assert found.total(settings).item() == pytest.approx(total.item(), rel=1e-4)
    assert_same_gradients(found.total(settings), total, leaves(text, question), scale)


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


def test_a_question_of_weight_three_counts_like_three() -> None:
    (text, question), settings = make_vectors(1.0, sparse=True), TrainingConfig()
    nowhere = torch.empty(0, 3, dtype=torch.int64)
    batch = replace(make_batch(), copied_starts=nowhere, copied_ends=nowhere)
    times = torch.tensor([3, *[1] * (QUESTIONS - 1)])
    weighted = losses(text, question, replace(batch, weight=times.float()), settings)
    rows = torch.arange(QUESTIONS).repeat_interleave(times)
    columns = (
        "question_ids",
        "question_mask",
        "gold_window",
        "gold_start",
        "gold_end",
        "teacher",
        "has_teacher",
        "terms",
    )
    repeated = replace(batch, weight=torch.ones(len(rows)), **{name: getattr(batch, name)[rows] for name in columns})
    asked = QuestionOutput(*(None if part is None else part[rows] for part in question))
    expected = losses(text, asked, repeated, settings)
    torch.testing.assert_close(weighted.total(settings), expected.total(settings))
