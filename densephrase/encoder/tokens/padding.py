"""Rows of word pieces as padded torch tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from densephrase.encoder.tokens.tokeniser import pad_rows


def pad_batch(rows: Sequence[Sequence[int]], pad_token_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad rows of ids to ids int64 and mask bool, both (rows, longest)."""
    ids, mask = pad_rows(rows, pad_token_id)
    return torch.from_numpy(ids), torch.from_numpy(mask)
