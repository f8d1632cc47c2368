"""Gradient caching: a batch of any size in the memory of a small one, with exactly its gradients (Gao et al. 2021).

A contrastive loss needs the vectors of a whole batch, but its gradient reaches an encoder through each vector apart. So
chunks are encoded and forgotten but for their vectors; once the gradients of these are known, each chunk is encoded
again and gives its share to the parameters. That is what checkpointing does, with an encoder's chunk as its unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def encode_in_chunks(encode: Callable[..., Tensor], inputs: Sequence[Tensor], chunk: int) -> Tensor:
    """Return the vectors, (N, D), of N rows of inputs; backward holds what `encode` keeps for `chunk` rows at a time.

    `inputs` are tensors of N rows each, and `encode` makes the vectors of some rows from their part of each. Every
    chunk is encoded twice, with the same random numbers, so that dropout is the same, and in the same autocast.
    Chunk 0, or no more than one chunk, is plain encoding.
    """
    if not chunk or len(inputs[0]) <= chunk:
        return encode(*inputs)
    parts = zip(*(torch.split(tensor, chunk) for tensor in inputs), strict=True)
    with _no_cached_casts():
        return torch.cat([checkpoint(encode, *part, use_reentrant=False) for part in parts])


@contextmanager
def _no_cached_casts() -> Iterator[None]:
    """Cast weights anew for each chunk: a bfloat16 copy for all would add up their gradients in bfloat16."""
    former = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(former)
