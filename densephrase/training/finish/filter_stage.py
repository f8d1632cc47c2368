"""Training of the phrase filter (DenSPI): binary cross-entropy on the finished encoder's frozen hidden states."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from densephrase.encoder.device import prefers_bf16
from densephrase.encoder.phrase.model import PhraseModel, new_filter
from densephrase.training.data.examples import TrainingWindow
from densephrase.training.finish.hidden_states import hidden_states, sample_windows

_log = logging.getLogger(__name__)
_BATCH_WINDOWS = 48
_BATCH_TOKENS = 4096
_LEARNING_RATE = 1e-3


def fit_filter(
    model: PhraseModel, windows: Sequence[TrainingWindow], *, size: int, epochs: float, limit: int, seed: int
) -> None:
    """Replace the model's phrase filter by one of inner size `size`, fitted to at most `limit` random windows.

    A filter that is trained beside the encoder sees each token a few times while its input still moves. Hidden states
    that stand still can be kept and seen `epochs` times: at equal recall the filter keeps a fifth fewer tokens.
    Needs 800 bytes of memory per token of a backbone of 384 dimensions.
    """
    hidden, target = _tokens(model, sample_windows(windows, limit, seed))
    device = model.device
    torch.manual_seed(seed)
    phrase_filter = new_filter(hidden.shape[1], size).to(device)
    optimiser = torch.optim.AdamW(phrase_filter.parameters(), lr=_LEARNING_RATE)
    per_epoch = math.ceil(len(hidden) / _BATCH_TOKENS)
    steps = max(1, round(epochs * per_epoch))
    order = torch.randperm(len(hidden))
    for step in range(steps):
        place = step % per_epoch
        if place == 0:
            order = torch.randperm(len(hidden))
        rows = order[place * _BATCH_TOKENS : (place + 1) * _BATCH_TOKENS]
        for group in optimiser.param_groups:
            group["lr"] = _LEARNING_RATE * (steps - step) / steps
        loss = binary_cross_entropy_with_logits(
            phrase_filter(hidden[rows].to(device).float()), target[rows].to(device).float()
        )
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
    _log.info("phrase filter: %d steps over %d tokens, loss %.4f", steps, len(hidden), float(loss.detach()))
    model.phrase_filter = phrase_filter.eval()
    model.config = replace(model.config, filter_size=size)


def _tokens(model: PhraseModel, windows: Sequence[TrainingWindow]) -> tuple[Tensor, Tensor]:
    """Return the hidden states of all paragraph tokens, float16 (n, H), and if a gold start, end is there, (n, 2)."""
    ordered = sorted(windows, key=lambda window: len(window.input_ids))
    device = model.device
    states, targets = [], []
    for at in range(0, len(ordered), _BATCH_WINDOWS):
        part = ordered[at : at + _BATCH_WINDOWS]
        with torch.autocast(device.type, torch.bfloat16, enabled=prefers_bf16(device)):
            hidden = hidden_states(model, part).half().cpu()
        for row, window in enumerate(part):
            states.append(hidden[row, window.first : window.last].clone())
            targets.append(_gold(window))
    return torch.cat(states), torch.cat(targets)


def _gold(window: TrainingWindow) -> Tensor:
    gold = torch.zeros(window.last - window.first, 2, dtype=torch.bool)
    for question in window.questions:
        gold[question.start - window.first, 0] = True
        gold[question.end - window.first, 1] = True
    return gold
