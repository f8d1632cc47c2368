"""The device an encoder runs on, and whether bfloat16 pays there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

import torch

from densephrase.errors import DeviceError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

TensorBatch = TypeVar("TensorBatch", bound="DataclassInstance")

_PROCESS = os.getpid()


def find_device(name: str) -> torch.device:
    """Return the torch device of that name; DeviceError when there is none of the name or it is not available."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"There is no device {name!r}; expected 'cpu', 'cuda' or 'cuda:1' and the like.") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"The device {name!r} is not available: torch {torch.__version__} sees {torch.cuda.device_count()} CUDA "
            "devices. Use 'cpu', or install a build of torch that fits the driver."
        )
    return device


def on_device(batch: TensorBatch, device: torch.device) -> TensorBatch:
    """Return a batch, a dataclass of tensors, with all of them on `device`."""
    moved = {item.name: getattr(batch, item.name).to(device, non_blocking=True) for item in fields(batch)}
    return replace(batch, **moved)


def prefers_bf16(device: torch.device) -> bool:
    """Tell whether bfloat16 is faster than float32 on the device: CUDA, and processors with bfloat16 instructions."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return _processor_has("avx512_bf16")


def precision_of(device: torch.device, dtype: torch.dtype) -> str:
    """Name what decides the bits of computed vectors: the precision, and for bfloat16 what computes in it.

    Programs for one and the same processor differ in the last bits of float32 only, and in bfloat16 in what they round.
    """
    if dtype != torch.bfloat16:
        return "float32"
    if device.type != "cpu":
        return f"bfloat16 by {device.type}"
    if not _processor_has("avx512_bf16"):
        return "bfloat16 without instructions for it"
    return "bfloat16 by AMX" if _processor_has("amx_tile") else "bfloat16 by AVX-512"


def _processor_has(instructions: str) -> bool:
    """Tell whether the processor has some instructions, by torch's name; older ones of torch know of none."""
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get(instructions, False))


def check_process(device: torch.device) -> None:
    """Make torch usable in a process that was forked from one with this module in it; call it before each use.

    Raises DeviceError for a CUDA device, which a forked process cannot reach.
    """
    if os.getpid() == _PROCESS:
        return
    if device.type == "cuda":
        raise DeviceError(
            f"The encoder was loaded on {str(device)!r} before this process was forked from process {_PROCESS}, and "
            "CUDA does not outlive a fork. Open the index after the fork, or start processes by 'spawn'."
        )
    torch.set_num_threads(1)  # its other threads did not come along, and OpenMP would wait for them
