from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.encoder.phrase.device_codes import codes_of, quantise
from densephrase.quantise.scalar import VectorQuantiser

RANDOM = np.random.default_rng(0)
QUANTISER = VectorQuantiser(RANDOM.normal(size=9).astype(np.float32), RANDOM.uniform(0.005, 0.02, 9).astype(np.float32))
# Wide enough to be clipped, and halves, which numpy and torch round to even.
ROWS = np.concatenate(
    [
        RANDOM.normal(size=(4000, 9)).astype(np.float32) * 2,
        QUANTISER.offset + QUANTISER.scale * (np.arange(-130, 130)[:, None] + np.float32(0.5)),
    ]
)
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")],
    ),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("rows", [0, 1, len(ROWS)])
def test_codes_are_those_of_numpy(rows: int, device: str) -> None:
    placed, expected = torch.from_numpy(ROWS[:rows]).to(device), QUANTISER.encode(ROWS[:rows])
    for found in (codes_of(placed, QUANTISER), quantise(placed, QUANTISER).cpu().numpy()):
        assert found.dtype == np.int8
        assert np.array_equal(found, expected)
