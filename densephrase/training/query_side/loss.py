"""The loss of query-side fine-tuning.

Source: query-side fine-tuning of DensePhrases (Lee et al. 2021): the negative logarithm of the probability of all right
phrases among the retrieved ones; its published code adds the same for starts alone and for ends alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from densephrase.encoder.device import on_device
from densephrase.training.query_side.candidates import Candidates
from densephrase.training.query_side.questions import pad_arrays


@dataclass(frozen=True, slots=True)
class CandidateBatch:
    """The candidates of some questions, padded; what is padding is neither a candidate nor right."""

    start: Tensor  # (questions, starts, vector_size)
    end: Tensor  # (questions, ends, vector_size)
    span_start: Tensor  # (questions, spans) row of `start`
    span_end: Tensor  # (questions, spans) row of `end`
    constant: Tensor  # (questions, spans), -inf for padding
    right: Tensor  # (questions, spans) bool


class QuerySideLosses(NamedTuple):
    """Means over the questions of a batch."""

    span: Tensor
    start: Tensor
    end: Tensor


def pad_candidates(candidates: Sequence[Candidates], device: torch.device) -> CandidateBatch:
    """Put the candidates of at least one question side by side."""
    batch = CandidateBatch(
        start=pad_arrays([item.start for item in candidates], 0),
        end=pad_arrays([item.end for item in candidates], 0),
        span_start=pad_arrays([item.span_start for item in candidates], 0),
        span_end=pad_arrays([item.span_end for item in candidates], 0),
        constant=pad_arrays([item.constant for item in candidates], -np.inf),
        right=pad_arrays([item.right for item in candidates], False),
    )
    return on_device(batch, device)


def query_side_losses(start: Tensor, end: Tensor, batch: CandidateBatch, temperature: float) -> QuerySideLosses:
    """Return the losses of question vectors, both (questions, vector_size), each with a right span in the batch.

    All scores are divided by `temperature`. One that fits how sure the scores are already leaves the vectors to learn
    the order of spans only; else they shrink or grow beside the constant parts of the score.
    """
    start_scores = torch.einsum("qv,qsv->qs", start, batch.start)
    end_scores = torch.einsum("qv,qev->qe", end, batch.end)
    spans = start_scores.gather(1, batch.span_start) + end_scores.gather(1, batch.span_end) + batch.constant
    return QuerySideLosses(
        _marginal_loss(spans / temperature, batch.right, torch.isfinite(batch.constant)),
        _side_loss(start_scores / temperature, batch.span_start, batch),
        _side_loss(end_scores / temperature, batch.span_end, batch),
    )


def _side_loss(scores: Tensor, rows: Tensor, batch: CandidateBatch) -> Tensor:
    """Return the loss of starts (or ends) alone: a right one belongs to a right span."""
    real = torch.isfinite(batch.constant)
    right, known = (torch.zeros_like(scores).scatter_add(1, rows, mask.to(scores)) > 0 for mask in (batch.right, real))
    return _marginal_loss(scores, right, known)


def _marginal_loss(scores: Tensor, right: Tensor, known: Tensor) -> Tensor:
    """Return the mean of -log sum over right of softmax over known, all (questions, candidates)."""
    total = scores.masked_fill(~known, -torch.inf).logsumexp(1)
    return (total - scores.masked_fill(~right, -torch.inf).logsumexp(1)).mean()
