"""What decides the bits of computed vectors has a name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from densephrase.encoder.device import precision_of, prefers_bf16
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
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": bf16, "amx_tile": amx})
    assert precision_of(torch.device(device), dtype) == expected


def test_instructions_are_those_that_torch_itself_goes_by() -> None:
    cpu = torch.device("cpu")
    assert prefers_bf16(cpu) == torch.cpu._is_avx512_bf16_supported()
    assert ("AMX" in precision_of(cpu, torch.bfloat16)) == torch.cpu._is_amx_tile_supported()


def test_a_torch_that_does_not_name_instructions_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert not prefers_bf16(torch.device("cpu"))


@pytest.mark.parametrize(("bf16", "begins"), [(False, "float32"), (True, "bfloat16")])
def test_an_encoder_names_that_of_texts(tiny_encoder_path: Path, bf16: bool, begins: str) -> None:
    assert PhraseEncoder.from_pretrained(tiny_encoder_path, bf16=bf16).precision.startswith(begins)
