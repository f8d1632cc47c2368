"""The weights of a saved encoder, changed by a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

Tensors = dict[str, torch.Tensor]


def edit_weights(folder: Path, change: Callable[[Tensors], object], metadata: dict[str, str] | None = None) -> None:
    """Change the tensors of an encoder's file, and its metadata unless that is None."""
    path = str(folder / "model.safetensors")
    with safe_open(path, "pt") as file:
        written, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(tensors)
    save_file(tensors, path, written if metadata is None else metadata)


def cut(name: str) -> Callable[[Tensors], None]:
    """Return a change that leaves out a tensor's last row."""

    def change(tensors: Tensors) -> None:
        tensors[name] = tensors[name][:-1].clone()

    return change
