"""Gradients of the whole batch in one process, from torch's own parts: what several processes must come to."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.training.two_processes import Towers, batch_of


def whole_loss(model: Towers, step: int = 0) -> Tensor:
    """Return the loss of every question against every passage; positives come first."""
    questions, positives, negatives = batch_of(step)
    scores = model.encode_questions(questions) @ model.passage(torch.cat([positives, negatives])).T
    return cross_entropy(scores, torch.arange(len(questions)))


def whole_gradients(shared: bool) -> Tensor:
    """Return the gradients of all parameters as one vector."""
    model = Towers(shared)
    torch.autograd.backward(whole_loss(model))
    return flat({name: None if p.grad is None else p.grad.tolist() for name, p in model.named_parameters()})


def flat(gradients: dict[str, Any]) -> Tensor:
    """Return gradients as one vector, without those that are missing."""
    given = [torch.tensor(value, dtype=torch.float64).flatten() for value in gradients.values() if value is not None]
    return torch.cat(given)
