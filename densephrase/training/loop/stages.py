"""A training as a list of named stages, which run in order over one state."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from densephrase.training.loop.checkpoint import CHECKPOINT_FILE, TrainingProgress

_log = logging.getLogger(__name__)

State = TypeVar("State")


class RunState(Protocol):
    """The least that the state of a run has; its stages set `progress` and `summary`."""

    @property
    def folder(self) -> Path:
        """Where checkpoints and what is trained are written."""

    @property
    def progress(self) -> TrainingProgress:
        """Where the gradient steps stand."""

    @property
    def summary(self) -> dict[str, Any]:
        """What the run came to, and its settings."""


class Stage(NamedTuple, Generic[State]):
    """A named part of a training: `work` reads what stages before it left in the state, and changes the state."""

    name: str
    work: Callable[[State], None]


def run_stages(stages: Sequence[Stage[State]], state: State) -> dict[str, float]:
    """Run the stages one after the other, and return how many seconds each took, by its name."""
    seconds = {}
    for stage in stages:
        began = time.monotonic()
        stage.work(state)
        seconds[stage.name] = round(time.monotonic() - began, 1)
        _log.info("%s: %.1f seconds", stage.name, seconds[stage.name])
    return seconds


def run_report(state: RunState, stage_seconds: dict[str, float], product: str) -> dict[str, Any]:
    """Return what a finished run came to, and where its `product` ("encoder", "reader") is."""
    return {
        **{name: value for name, value in state.summary.items() if name != "settings"},
        "seconds": round(state.progress.seconds, 1),
        "stage_seconds": stage_seconds,
        product: str(state.folder),
        "checkpoint": CHECKPOINT_FILE,
    }
