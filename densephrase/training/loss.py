"""The training objective: joint span losses in the gold paragraph and over the batch, start, end and filter losses."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from densephrase.encoder.model import TextVectors
from densephrase.training.batches import TrainingBatch
from densephrase.training.config import TrainingConfig

_TINY = 1e-300


class Losses(NamedTuple):
    """Mean losses of a batch, in nats, before weighting."""

    paragraph: Tensor
    batch: Tensor
    start_end: Tensor
    phrase_filter: Tensor

    def total(self, config: TrainingConfig) -> Tensor:
        """Return the weighted sum."""
        return (
            config.paragraph_loss * self.paragraph
            + config.batch_loss * self.batch
            + config.start_end_loss * self.start_end
            + config.filter_loss * self.phrase_filter
        )


def losses(text: TextVectors, question: tuple[Tensor, Tensor], batch: TrainingBatch, max_answer_tokens: int) -> Losses:
    """Compute all losses in float32.

    Let Z[q, p] be the log of the summed exp-scores of every span of paragraph p of at most `max_answer_tokens` tokens.
    The paragraph loss is `Z[q, gold] - score(gold span)`, the batch loss `logsumexp_p Z[q, p] - score(gold span)`: the
    second compares spans across paragraphs just as search does.
    """
    size = question[0].shape[1]
    start = _token_logits(question[0], text.start[..., :size], batch.token_mask)
    end = _token_logits(question[1], text.end[..., :size], batch.token_mask)
    coherency = text.start[..., size:].float() @ text.end[..., size:].float().transpose(1, 2)  # (P, T, T)
    evidence = span_evidence(start, end, coherency, max_answer_tokens)
    rows = torch.arange(len(batch.gold_window), device=start.device)
    gold = (
        start[rows, batch.gold_window, batch.gold_start]
        + end[rows, batch.gold_window, batch.gold_end]
        + coherency[batch.gold_window, batch.gold_start, batch.gold_end]
    )
    tokens = start.shape[2]
    start_loss = cross_entropy(start.flatten(1), batch.gold_window * tokens + batch.gold_start)
    end_loss = cross_entropy(end.flatten(1), batch.gold_window * tokens + batch.gold_end)
    filter_loss = binary_cross_entropy_with_logits(
        text.filter_logits.float()[batch.token_mask], batch.filter_target[batch.token_mask]
    )
    return Losses(
        (evidence[rows, batch.gold_window] - gold).mean(),
        (evidence.logsumexp(1) - gold).mean(),
        start_loss + end_loss,
        filter_loss,
    )


def span_evidence(start: Tensor, end: Tensor, coherency: Tensor, max_answer_tokens: int) -> Tensor:
    """Return Z (Q, P): logsumexp over the spans of each paragraph of start + end + coherency.

    start, end: (Q, P, T), -inf off the paragraph's tokens; coherency: (P, T, T). The sum over the ends of a start is a
    product with the banded matrix exp(coherency), so spans are never listed one by one. The product is in float64: a
    start whose own ends score 600 below the paragraph's best end still gets its due, where float32 would stop at 80.
    """
    tokens = start.shape[2]
    ones = torch.ones(tokens, tokens, dtype=torch.bool, device=start.device)
    band = ones.triu() & ~ones.triu(max_answer_tokens)
    highest = coherency.detach().masked_fill(~band, float("-inf")).amax((1, 2), keepdim=True)
    weight = torch.where(band, coherency - highest, float("-inf")).double().exp()  # (P, T, T)
    peak = end.detach().amax(2, keepdim=True)
    ends = torch.einsum("pij,qpj->qpi", weight, (end - peak).double().exp())
    best = start + (ends + _TINY).log().to(start.dtype) + peak + highest.view(1, -1, 1)
    return best.logsumexp(2)


def _token_logits(question: Tensor, tokens: Tensor, token_mask: Tensor) -> Tensor:
    """Scores (Q, P, T) of question vectors (Q, d) against token vectors (P, T, d)."""
    logits = (question.float() @ tokens.float().flatten(0, 1).T).view(len(question), *token_mask.shape)
    return logits.masked_fill(~token_mask, float("-inf"))
