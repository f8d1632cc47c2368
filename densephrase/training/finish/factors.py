"""Low-rank factors of the queries and keys of trained Sparc heads, as an index stores them, in 8 bits."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.encoder.phrase.sparc import HEADS, SparcHeads
from densephrase.encoder.phrase.sparse_factors import SparseFactors
from densephrase.training.finish.balancing import balanced_maps

_LARGEST = 127
_WITHIN = 0.9999  # share of values that codes reach; the rest is cut off


def fit_factors(heads: SparcHeads, states: Tensor, rank: int) -> SparseFactors:
    """Return the factors of `rank` dimensions that lose least of q . k, fitted to hidden states (tokens, H).

    They are the balanced truncation of Q K^T (see `balance_vectors`), not centred, as the ReLU needs the mean. A code
    of q and one of k count steps of their own, whose product is the same in all dimensions of a head: products of
    codes are those of the values but for one scale.
    """
    factors = SparseFactors(heads.query.in_features, rank).to(states.device)
    with torch.inference_mode():
        sides = [heads.split(layer(states[None]))[0].double().cpu().numpy() for layer in (heads.query, heads.key)]
    maps = [_steps_folded(*_basis(sides[0][head], sides[1][head], rank)) for head in range(len(HEADS))]
    with torch.no_grad():
        for number, (made, trained) in enumerate(((factors.query, heads.query), (factors.key, heads.key))):
            for head, item in enumerate(maps):
                matrix = torch.from_numpy(item[number]).to(states.device)
                own, of_head = slice(head * rank, (head + 1) * rank), slice(head * heads.size, (head + 1) * heads.size)
                made.weight[own] = (matrix @ trained.weight[of_head].double()).float()
                made.bias[own] = (matrix @ trained.bias[of_head].double()).float()
        factors.scale.copy_(torch.tensor([item[2] * heads.size**-0.5 for item in maps]))
    return factors.eval()


def _basis(
    query: NDArray[np.float64], key: NDArray[np.float64], rank: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the maps (rank, d) of q and k, and how large mapped values get (rank,)."""
    maps = balanced_maps(np.concatenate([query, -query]), key, rank)
    return *maps, *(
        np.maximum(np.quantile(np.abs(values @ matrix.T), _WITHIN, axis=0), 1e-9)
        for values, matrix in zip((query, key), maps, strict=True)
    )


def _steps_folded(
    query_map: NDArray[np.float64],
    key_map: NDArray[np.float64],
    query_size: NDArray[np.float64],
    key_size: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return maps to codes and the number that a product of codes counts."""
    product = query_size * key_size
    coarser = np.sqrt(product.max() / product) / _LARGEST
    return (
        query_map / (query_size * coarser)[:, None],
        key_map / (key_size * coarser)[:, None],
        float(product.max()) / _LARGEST**2,
    )
