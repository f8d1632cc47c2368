"""Training runs that are stopped on purpose, and what must be the same once they went on."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from densephrase.training.loop.checkpoint import CHECKPOINT_FILE
from densephrase.training.loop.loop import StepLoss, Training


class Stopped(Exception):
    """The machine goes off."""


def stop() -> None:
    """Go off."""
    raise Stopped


def press_ctrl_c() -> None:
    """Interrupt the process."""
    signal.raise_signal(signal.SIGINT)


def before_step(monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], None]) -> list[int]:
    """Do something when step `number` is about to be made; return the steps that are made."""
    step, made = Training._step, []

    def watched(training: Training[Any], loss: StepLoss, at: int) -> StepLoss:
        made.append(at)
        if at == number:
            action()
        return step(training, loss, at)

    monkeypatch.setattr(Training, "_step", watched)
    return made


def assert_same_run(one: Path, other: Path, files: Iterable[str]) -> None:
    """Compare every weight and every state of the optimiser in the checkpoints, and the files of these names."""
    first, second = (load_file(folder / CHECKPOINT_FILE) for folder in (one, other))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in files)
