"""Scores of answer spans: start plus end logits, for pairs of tokens no further apart than the longest answer."""

from __future__ import annotations

import torch
from torch import Tensor


def span_band(tokens: int, max_answer_tokens: int, device: torch.device) -> Tensor:
    """Say which (start, end) are spans of at most `max_answer_tokens` tokens, bool (tokens, tokens)."""
    ones = torch.ones(tokens, tokens, dtype=torch.bool, device=device)
    return ones.triu() & ~ones.triu(max_answer_tokens)


def span_scores(start: Tensor, end: Tensor, band: Tensor) -> Tensor:
    """Return start + end of each span, (rows, tokens, tokens), -inf for pairs that the `band` leaves out.

    Logits (rows, tokens), -inf off the paragraph; `band` bool (tokens, tokens), as `span_band` gives it.
    """
    return (start[:, :, None] + end[:, None, :]).masked_fill(~band, float("-inf"))
