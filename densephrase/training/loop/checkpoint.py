"""Checkpoints: everything a run needs to go on exactly where it stopped, in one safetensors file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from densephrase.encoder.files.weights import load_exactly
from densephrase.errors import EncoderError, TrainingError

CHECKPOINT_FILE = "checkpoint.safetensors"
_MODEL, _OPTIMISER, _RANDOM = "model.", "optimiser.", "random."


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a run stands: finished steps, questions seen, seconds worked; and the run's identity."""

    step: int = 0
    questions: int = 0
    seconds: float = 0.0
    run: str = ""


def save_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, progress: TrainingProgress
) -> None:
    """Write the checkpoint to a temporary name and rename it: the former one stays whole until the new one is."""
    tensors = {_MODEL + name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    for number, entry in optimiser.state_dict()["state"].items():
        for key, value in entry.items():
            tensors[f"{_OPTIMISER}{number}.{key}"] = value.detach().cpu().contiguous()
    tensors[_RANDOM + "cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors[_RANDOM + "cuda"] = torch.cuda.get_rng_state()
    temporary = folder / (CHECKPOINT_FILE + ".tmp")
    save_file(
        tensors, str(temporary), {name: json.dumps(getattr(progress, name)) for name in TrainingProgress.__slots__}
    )
    os.replace(temporary, folder / CHECKPOINT_FILE)


def load_checkpoint(folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, run: str) -> TrainingProgress:
    """Restore the folder's checkpoint, if there is one, and return where it stands.

    Raises TrainingError when it is damaged or belongs to a run with other settings or data (`run` differs).
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return TrainingProgress(run=run)
    try:
        with safe_open(str(path), "pt") as file:
            metadata = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        progress = TrainingProgress(**metadata)
    except (SafetensorError, OSError, TypeError, json.JSONDecodeError) as error:
        raise _unreadable(path, error) from error
    if progress.run != run:
        raise TrainingError(
            f"The checkpoint {path} belongs to a run with other settings, data or library versions; "
            "give another --output, or remove it to start again."
        )
    try:
        load_exactly(model, _part(tensors, _MODEL), str(path))
        _load_optimiser(optimiser, _part(tensors, _OPTIMISER))
        _load_random(_part(tensors, _RANDOM))
    except (EncoderError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise _unreadable(path, error) from error
    return progress


def _unreadable(path: Path, error: Exception) -> TrainingError:
    return TrainingError(f"The checkpoint {path} cannot be read ({error}); remove it to start again.")


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _load_random(tensors: dict[str, Tensor]) -> None:
    torch.set_rng_state(tensors["cpu"])
    if torch.cuda.is_available() and "cuda" in tensors:
        torch.cuda.set_rng_state(tensors["cuda"])


def _load_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state = optimiser.state_dict()
    for name, value in tensors.items():
        number, key = name.split(".", 1)
        state["state"].setdefault(int(number), {})[key] = value
    optimiser.load_state_dict(state)
