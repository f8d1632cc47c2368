"""The stored form of contextualised sparse vectors: low-rank factors of the matrix A, in 8 bits."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from densephrase.encoder.phrase.sparc import HEADS

_LARGEST = 127


class SparseFactors(nn.Module):
    """Codes q of starts and ends and codes k of n-grams with `A = scale * ReLU(q . k)`, for each of the four HEADS.

    A is that of Sparc (section 3.2), ReLU(Q K^T / sqrt(d)); q and k are what is left of Q and K in the few dimensions
    that matter most. An index stores them instead of A: nothing is pruned, and a weight is computed only where an
    n-gram of the question stands.
    """

    scale: Tensor  # float32 (4,)

    def __init__(self, hidden_size: int, rank: int) -> None:
        super().__init__()
        self.rank = rank
        self.query = nn.Linear(hidden_size, len(HEADS) * rank)
        self.key = nn.Linear(hidden_size, len(HEADS) * rank)
        self.register_buffer("scale", torch.ones(len(HEADS)))

    def query_codes(self, hidden: Tensor, side: int) -> NDArray[np.int8]:
        """Return q of starts (side 0) or ends (side 1), int8 [tokens, 2 * rank]: of unigrams, then of bigrams.

        hidden: (tokens, H).
        """
        own = slice(2 * side * self.rank, 2 * (side + 1) * self.rank)
        return _codes(nn.functional.linear(hidden, self.query.weight[own], self.query.bias[own]))

    def key_codes(self, hidden: Tensor) -> NDArray[np.int8]:
        """Return k of the n-grams that begin at each token, int8 [tokens, 4 * rank], in the order of HEADS."""
        return _codes(self.key(hidden))

    def scales(self) -> NDArray[np.float32]:
        """Return the scale of each head, float32 [4]."""
        scales: NDArray[np.float32] = self.scale.detach().cpu().numpy()
        return scales


def _codes(values: Tensor) -> NDArray[np.int8]:
    codes: NDArray[np.int8] = values.round().clamp(-_LARGEST, _LARGEST).to(torch.int8).cpu().numpy()
    return codes
