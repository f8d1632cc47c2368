"""What decides the bits of computed vectors has a name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from densephrase.encoder.device import precision_of
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder


@pytest.mark.parametrize(
    ("device", "dtype", "bf16", "amx", "expected"),
    [
        ("cpu", torch.float32, True, True, "float32"),
        ("cuda", torch.float32, False, False, "float32"),
        ("cuda", torch.bfloat16, False, False, "bfloat16 by cuda"),
        ("cpu", torch.bfloat16, True, True, "bfloat16 by AMX"),
        ("cpu", torch.bfloat16, True, False, "bfloat16 by AVX-512"),
        ("cpu", torch.bfloat16, False, False, "bfloat16 without instructions for it"),
    ],
)
def test_names(
    device: str, dtype: torch.dtype, bf16: bool, amx: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bf16)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert precision_of(torch.device(device), dtype) == expected


@pytest.mark.parametrize(("bf16", "begins"), [(False, "float32"), (True, "bfloat16")])
def test_an_encoder_names_that_of_texts(tiny_encoder_path: Path, bf16: bool, begins: str) -> None:
    assert PhraseEncoder.from_pretrained(tiny_encoder_path, bf16=bf16).precision.startswith(begins)
