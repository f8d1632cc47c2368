"""Rows of word pieces as padded torch tensors, and which rows to pad together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from densephrase.encoder.tokens.tokeniser import pad_rows


def pad_batch(
    rows: Sequence[Sequence[int]], pad_token_id: int, device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad rows of ids to ids int64 and mask bool, both (rows, longest), on `device`."""
    ids, mask = pad_rows(rows, pad_token_id)
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


def longest_first(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield the numbers of rows of these lengths, longest first, at most `most` padded tokens or one row at a time."""
    order = sorted(range(len(lengths)), key=lambda number: -lengths[number])
    at = 0
    while at < len(order):
        size = max(1, most // lengths[order[at]])
        yield order[at : at + size]
        at += size
