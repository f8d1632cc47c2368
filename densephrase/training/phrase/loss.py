"""The training objective: joint span losses in the gold paragraph and over the batch, start, end and filter losses."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from densephrase.encoder.phrase.model import QuestionOutput, TextVectors
from densephrase.reader.spans import span_band
from densephrase.training.data.teacher import span_distribution
from densephrase.training.phrase.batches import TrainingBatch
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.sparc import sparc_scores

_TINY = 1e-300


class SpanLosses(NamedTuple):
    """Mean losses of one way to score spans, in nats, before weighting."""

    paragraph: Tensor
    batch: Tensor
    start_end: Tensor
    distillation: Tensor

    def total(self, config: TrainingConfig) -> Tensor:
        """Return the weighted sum."""
        return (
            config.paragraph_loss * self.paragraph
            + config.batch_loss * self.batch
            + config.start_end_loss * self.start_end
            + config.distillation_loss * self.distillation
        )


class Losses(NamedTuple):
    """The losses of a batch: of the full score, of its dense half alone, and of the phrase filter."""

    full: SpanLosses
    dense: SpanLosses | None  # None where there is no sparse half
    phrase_filter: Tensor

    def total(self, config: TrainingConfig) -> Tensor:
        """Return the weighted sum."""
        total = self.full.total(config) + config.filter_loss * self.phrase_filter
        return total if self.dense is None else total + config.dense_loss * self.dense.total(config)

    def parts(self) -> dict[str, Tensor]:
        """Return what to report."""
        names = {name: value for name, value in self.full._asdict().items()}
        dense = {} if self.dense is None else {"dense batch": self.dense.batch}
        return {**names, **dense, "filter": self.phrase_filter}


def losses(text: TextVectors, question: QuestionOutput, batch: TrainingBatch, config: TrainingConfig) -> Losses:
    """Compute all losses in float32; with a sparse half, those of dense + sparse and those of dense alone (Sparc 3.3).

    The second keep the dense half good enough to propose candidates by itself. With a `term_weight`, the full score
    has the terms that search adds, so that sparse vectors learn what BM25 does not know.
    """
    size = question.start.shape[1]
    start = _token_logits(question.start, text.start[..., :size], batch.token_mask, batch.copied_starts)
    end = _token_logits(question.end, text.end[..., :size], batch.token_mask, batch.copied_ends)
    coherency = text.start[..., size:].float() @ text.end[..., size:].float().transpose(1, 2)  # (P, T, T)
    filter_loss = binary_cross_entropy_with_logits(
        text.filter_logits.float()[batch.token_mask], batch.filter_target[batch.token_mask]
    )
    dense = span_losses(start, end, coherency, batch, config)
    if text.sparc is None or question.sparc is None:
        return Losses(dense, None, filter_loss)
    sparse_start, sparse_end = sparc_scores(text.sparc, question.sparc, batch)
    terms = config.term_weight * batch.terms if config.term_weight else None
    full = span_losses(start + sparse_start, end + sparse_end, coherency, batch, config, terms)
    return Losses(full, dense, filter_loss)


def span_losses(
    start: Tensor,
    end: Tensor,
    coherency: Tensor,
    batch: TrainingBatch,
    config: TrainingConfig,
    terms: Tensor | None = None,
) -> SpanLosses:
    """Return the losses of spans scored by start + end + coherency, and by the terms of their paragraph if given.

    start, end: (Q, P, T), -inf off the paragraphs' tokens; coherency: (P, T, T); terms: (Q, P). Let Z[q, p] be
    the log of the summed exp-scores of every span of paragraph p of at most `max_answer_tokens` tokens. The paragraph
    loss is `Z[q, gold] - score(gold span)`, the batch loss `logsumexp_p Z[q, p] - score(gold span)`: the second
    compares spans across paragraphs just as search does. Terms are the same all over a paragraph, so only losses across
    paragraphs see them. The distillation loss is `Z[q, gold] - E[score]`, the expectation taken over the spans of the
    gold paragraph as the reader sees them: the cross-entropy of its distribution and ours.
    """
    evidence = span_evidence(start, end, coherency, config.max_answer_tokens)
    rows = torch.arange(len(batch.gold_window), device=start.device)
    gold = (
        start[rows, batch.gold_window, batch.gold_start]
        + end[rows, batch.gold_window, batch.gold_end]
        + coherency[batch.gold_window, batch.gold_start, batch.gold_end]
    )
    own = evidence[rows, batch.gold_window]
    across = start, end, evidence
    if terms is not None:
        more = terms - terms[rows, batch.gold_window, None]  # so that the gold paragraph's scores stay
        across = start + more[:, :, None], end + more[:, :, None], evidence + more
    places = batch.gold_window * start.shape[2]
    start_loss = cross_entropy(across[0].flatten(1), places + batch.gold_start, reduction="none")
    end_loss = cross_entropy(across[1].flatten(1), places + batch.gold_end, reduction="none")
    return SpanLosses(
        _mean(own - gold, batch.weight),
        _mean(across[2].logsumexp(1) - gold, batch.weight),
        _mean(start_loss + end_loss, batch.weight),
        _distillation(start[rows, batch.gold_window], end[rows, batch.gold_window], coherency, own, batch, config),
    )


def _distillation(
    start: Tensor, end: Tensor, coherency: Tensor, own: Tensor, batch: TrainingBatch, config: TrainingConfig
) -> Tensor:
    """Return the mean of `Z - E[score]` over the questions that have a teacher; start, end (Q, T): the gold window."""
    if not config.distillation_loss or not batch.has_teacher.any():
        return own.new_zeros(())
    taught = batch.has_teacher
    allowed = span_band(start.shape[1], config.max_answer_tokens, start.device)
    spans = span_distribution(batch.teacher[taught], allowed)
    expected = (
        (spans.sum(2) * start[taught].masked_fill(spans.sum(2) == 0, 0)).sum(1)
        + (spans.sum(1) * end[taught].masked_fill(spans.sum(1) == 0, 0)).sum(1)
        + (spans * coherency[batch.gold_window[taught]]).sum((1, 2))
    )
    return _mean(own[taught] - expected, batch.weight[taught])


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Return the mean over questions (Q,), each counted `weight` times."""
    return (values * weight).sum() / weight.sum()


def span_evidence(start: Tensor, end: Tensor, coherency: Tensor, max_answer_tokens: int) -> Tensor:
    """Return Z (Q, P): logsumexp over the spans of each paragraph of start + end + coherency.

    start, end: (Q, P, T), -inf off the paragraph's tokens; coherency: (P, T, T). The sum over the ends of a start is a
    product with the banded matrix exp(coherency), so spans are never listed one by one. The product is in float64: a
    start whose own ends score 600 below the paragraph's best end still gets its due, where float32 would stop at 80.
    """
    band = span_band(start.shape[2], max_answer_tokens, start.device)
    highest = coherency.detach().masked_fill(~band, float("-inf")).amax((1, 2), keepdim=True)
    weight = torch.where(band, coherency - highest, float("-inf")).double().exp()  # (P, T, T)
    peak = end.detach().amax(2, keepdim=True)
    ends = torch.einsum("pij,qpj->qpi", weight, (end - peak).double().exp())
    best = start + (ends + _TINY).log().to(start.dtype) + peak + highest.view(1, -1, 1)
    return best.logsumexp(2)


def _token_logits(question: Tensor, tokens: Tensor, token_mask: Tensor, copies: Tensor) -> Tensor:
    """Scores (Q, P, T) of question vectors (Q, d) against token vectors (P, T, d); those of no rivals are -inf.

    `copies` (C, 3) are the questions, windows and columns of right answers that stand in a second window: no rivals.
    """
    logits = (question.float() @ tokens.float().flatten(0, 1).T).view(len(question), *token_mask.shape)
    hidden = (~token_mask).expand(logits.shape).index_put(tuple(copies.T), copies.new_ones((), dtype=torch.bool))
    return logits.masked_fill(hidden, float("-inf"))
