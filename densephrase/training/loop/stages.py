"""A training as a list of named stages, which run in order over one state."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

_log = logging.getLogger(__name__)

State = TypeVar("State")


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
