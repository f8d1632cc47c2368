"""Factors of Sparc heads: exact but for 8 bits at full rank, and better with each dimension."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from densephrase.encoder.phrase.sparc import SparcHeads
from densephrase.encoder.phrase.sparse_factors import SparseFactors
from densephrase.training.finish.factors import fit_factors


def made_heads() -> tuple[SparcHeads, torch.Tensor]:
    """Return heads, and hidden states whose mean is not zero."""
    torch.manual_seed(0)
    random = np.random.default_rng(0).normal(size=(400, 24)).astype(np.float32)
    return SparcHeads(24, 6), torch.from_numpy(random) + 0.5


def products(factors: SparseFactors, states: torch.Tensor) -> NDArray[np.float64]:
    """Return what the codes stand for, [4, tokens, tokens]."""
    with torch.inference_mode():
        queries = np.stack([factors.query_codes(states, side) for side in (0, 1)])
        keys = factors.key_codes(states)
    query = queries.reshape(2, len(states), 2, factors.rank).transpose(0, 2, 1, 3).reshape(4, len(states), -1)
    key = keys.reshape(len(states), 4, factors.rank).transpose(1, 2, 0)
    weights: NDArray[np.float64] = factors.scales()[:, None, None] * np.maximum(query.astype(int) @ key.astype(int), 0)
    return weights


def errors(rank: int) -> tuple[float, float]:
    """Return the root mean square of the error and of the weights themselves."""
    heads, states = made_heads()
    with torch.inference_mode():
        expected = heads.weights(states[None])[0].numpy()
    found = products(fit_factors(heads, states, rank), states)
    return float(np.sqrt(np.square(found - expected).mean())), float(np.sqrt(np.square(expected).mean()))


def test_full_rank_loses_only_the_rounding() -> None:
    error, size = errors(6)
    assert error < 0.02 * size


def test_every_dimension_helps() -> None:
    found = [errors(rank)[0] for rank in range(1, 7)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 10 * found[-1]


def test_codes_use_their_range() -> None:
    heads, states = made_heads()
    factors = fit_factors(heads, states, 3)
    with torch.inference_mode():
        for codes in (factors.query_codes(states, 0), factors.key_codes(states)):
            assert codes.dtype == np.int8
            assert 100 < np.abs(codes.astype(int)).max() <= 127


@pytest.mark.parametrize("side", [0, 1], ids=["starts", "ends"])
def test_heads_that_say_nothing_have_no_weights(side: int) -> None:
    heads, states = made_heads()
    torch.nn.init.zeros_(heads.query.weight)
    torch.nn.init.zeros_(heads.query.bias)
    assert not np.any(products(fit_factors(heads, states, 2), states)[2 * side : 2 * side + 2] > 1e-6)
