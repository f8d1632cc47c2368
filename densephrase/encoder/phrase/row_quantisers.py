"""Quantisers of a phrase encoder's rows: start and end rows to 8 bits, sparse vectors to low-rank factors."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from densephrase.encoder.phrase.sparse_factors import SparseFactors
from densephrase.quantise.scalar import VectorQuantiser

FACTOR_WEIGHTS, QUANTISER_WEIGHTS = "sparse_factors.", "quantiser."  # what their names begin with in a file of weights


@dataclass(frozen=True, slots=True)
class RowQuantisers:
    """The quantisers of start and of end rows, and the factors of sparse vectors; None without Sparc heads."""

    start: VectorQuantiser
    end: VectorQuantiser
    factors: SparseFactors | None = None

    def state(self) -> dict[str, torch.Tensor]:
        """Return their tensors by the names that they are stored under."""
        state = {}
        for side, quantiser in (("start", self.start), ("end", self.end)):
            state[f"{QUANTISER_WEIGHTS}{side}.offset"] = torch.from_numpy(quantiser.offset)
            state[f"{QUANTISER_WEIGHTS}{side}.scale"] = torch.from_numpy(quantiser.scale)
        if self.factors is not None:
            state |= {FACTOR_WEIGHTS + name: value for name, value in self.factors.state_dict().items()}
        return state
