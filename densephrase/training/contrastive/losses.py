"""The loss of bi-encoders over a batch: the passages of other questions are negatives (DPR, section 3.2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from densephrase.errors import TrainingError
from densephrase.training.contrastive.gather import gather_with_gradient, own_columns


class InBatchLoss(NamedTuple):
    """Means over the questions of a batch; all are scalars."""

    loss: Tensor  # -log of the positive's share, in nats
    accuracy: Tensor  # share of questions whose positive is ahead of every negative
    rank: Tensor  # of the positive among its negatives, from 1; behind those of equal score

    def parts(self) -> dict[str, Tensor]:
        """Return what to report."""
        return self._asdict()


def in_batch_nll(
    question_vectors: Tensor,
    passage_vectors: Tensor,
    positive: Tensor,
    no_negative: Tensor | None = None,
    scale: float = 1.0,
) -> InBatchLoss:
    """Return the mean of -log(e^s(q, p+) / sum over p of e^s(q, p)), with s the dot product times `scale`.

    question_vectors: (Q, D); passage_vectors: (P, D); positive: int64 (Q,), the passage of each question. no_negative:
    bool (Q, P), passages that are left out of a question's sum, as copies of its positive are; the positive itself
    always counts. Computed in float32 at least, under autocast too. Raises TrainingError when shapes do not fit.
    """
    shape = len(question_vectors), len(passage_vectors)
    if positive.shape != shape[:1] or (no_negative is not None and no_negative.shape != shape):
        raise TrainingError(
            f"A loss of {shape[0]} questions and {shape[1]} passages has positives of shape {tuple(positive.shape)}"
            + ("" if no_negative is None else f" and a mask of shape {tuple(no_negative.shape)}")
            + f"; expected ({shape[0]},) and ({shape[0]}, {shape[1]})."
        )
    dtype = torch.promote_types(question_vectors.dtype, torch.float32)
    with torch.autocast(question_vectors.device.type, enabled=False):
        scores = question_vectors.to(dtype) @ passage_vectors.to(dtype).T * scale
    own = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, positive[:, None], True)
    if no_negative is not None:
        scores = scores.masked_fill(no_negative & ~own, float("-inf"))
    loss = cross_entropy(scores, positive)
    rank = (scores >= scores.gather(1, positive[:, None])).sum(1).detach()
    return InBatchLoss(loss, (rank == 1).to(dtype).mean(), rank.to(dtype).mean())


def cross_batch_nll(
    question_vectors: Tensor,
    passage_vectors: Tensor,
    passage_numbers: Tensor,
    scale: float = 1.0,
    others: Tensor | None = None,
) -> InBatchLoss:
    """Return the loss of this process's questions over the passages of all processes (RocketQA, section 4.1).

    question_vectors: (Q, D); passage_vectors: (P, D), first the positives in the order of the questions, then hard
    negatives; passage_numbers: int64 (P,), the same for copies of a passage in all processes: a copy of its positive is
    no negative of a question. others: int64 (Q, K), the numbers of further passages that answer each question, -1 for
    none. The mean over processes of the loss, and of its gradients, is that of the whole batch.
    """
    positive = own_columns(len(question_vectors), len(passage_vectors), passage_vectors.device)
    precise = passage_vectors.to(torch.promote_types(passage_vectors.dtype, torch.float32))  # gradients are added up
    passages, numbers = gather_with_gradient(precise), gather_with_gradient(passage_numbers)
    answering = numbers[positive][:, None] == numbers[None, :]
    if others is not None:
        answering |= (others[:, :, None] == numbers[None, None, :]).any(1)
    return in_batch_nll(question_vectors, passages, positive, answering, scale)
