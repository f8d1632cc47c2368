"""Training objectives: a loss, and the batches over which gradient steps minimise it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Generic

from densephrase.training.loop.checkpoint import TrainingProgress
from densephrase.training.loop.loop import Batch, Model, StepLoss, Training, endless
from densephrase.training.loop.settings import LoopConfig


@dataclass(frozen=True, slots=True)
class Objective(Generic[Model, Batch]):
    """The loss of a batch, and the batches of an epoch.

    `batches(epoch, first)` yields the `per_epoch` batches of an epoch from number `first` on. They depend on these two
    and on the seed of a run alone, which makes resuming exact.
    """

    loss: Callable[[Training[Model], Batch], StepLoss]
    batches: Callable[[int, int], Iterator[Batch]]
    per_epoch: int

    def minimise(
        self, training: Training[Model], progress: TrainingProgress, last: int | None = None
    ) -> TrainingProgress:
        """Take the gradient steps from `progress` to step `last` (None: to the end of the run); see `Training.run`."""
        steps = training.steps if last is None else last
        return training.run(
            progress,
            lambda first: endless(self.batches, first, steps, self.per_epoch),
            partial(self.loss, training),
        )


def planned_steps(config: LoopConfig, epochs: float, per_epoch: int) -> int:
    """Return the length of a run: `max_steps` where it is given, else so many epochs, at least a step."""
    return config.max_steps or max(1, round(epochs * per_epoch))
