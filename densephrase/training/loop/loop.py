"""The loop that every training shares: learning rate schedule, steps, reports, checkpoints, a clean stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from densephrase.encoder.device import prefers_bf16
from densephrase.errors import TrainingError
from densephrase.training.loop.checkpoint import TrainingProgress, save_checkpoint
from densephrase.training.loop.interruption import deferred_interrupt
from densephrase.training.loop.processes import (
    any_process,
    average_gradients,
    average_parts,
    process_count,
    process_rank,
    seed_step,
    tell_all,
)
from densephrase.training.loop.settings import LoopConfig

_log = logging.getLogger(__name__)
_LOG_EVERY = 20

Batch = TypeVar("Batch")
Model = TypeVar("Model", bound=nn.Module)


class StepLoss(NamedTuple):
    """What a step minimises, what it reports, and how many questions it saw."""

    total: Tensor
    parts: Mapping[str, Tensor]
    questions: int


@dataclass(frozen=True, slots=True)
class Training(Generic[Model]):
    """A model with its optimiser, the length of its run and the folder of its checkpoints."""

    model: Model
    optimiser: torch.optim.Optimizer
    config: LoopConfig
    device: torch.device
    folder: Path
    steps: int

    @classmethod
    def start(
        cls,
        model: Model,
        config: LoopConfig,
        device: torch.device,
        folder: Path,
        steps: int,
        rates: Mapping[str, float] = MappingProxyType({}),
    ) -> Training[Model]:
        """Move `model` to `device` and make its optimiser: AdamW, without weight decay of biases and norms.

        `rates` gives the peak learning rate of parameters whose names begin so; the others have the configured one.
        """
        model.to(device).train()
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                rate = next((value for prefix, value in rates.items() if name.startswith(prefix)), config.learning_rate)
                decay = config.weight_decay if parameter.ndim > 1 else 0.0
                groups.setdefault((rate, decay), []).append(parameter)
        optimiser = torch.optim.AdamW(
            [
                {"params": members, "lr": rate, "peak": rate, "weight_decay": decay}
                for (rate, decay), members in groups.items()
            ]
        )
        return cls(model, optimiser, config, device, folder, steps)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of a forward pass in the configured precision."""
        wanted = self.config.precision
        enabled = wanted == "bf16" or (wanted == "auto" and prefers_bf16(self.device))
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    def run(
        self, progress: TrainingProgress, batches: Callable[[int], Iterator[Batch]], loss: Callable[[Batch], StepLoss]
    ) -> TrainingProgress:
        """Train from `progress` to the last step; `batches(first)` yields what steps `first`, `first + 1`, ... see.

        Saves a checkpoint every so many minutes and at the end. Raises KeyboardInterrupt, after a checkpoint, on
        Ctrl-C. Of several processes, each takes its share of a step; they start and stop together, and the first one
        saves. Raises TrainingError when they would start from different steps.
        """
        began, earlier, saved = time.monotonic(), progress.seconds, time.monotonic()
        first = progress.step
        self._check_start(first)
        with deferred_interrupt() as stop:
            for batch in batches(first):
                seed_step(self.config.seed, progress.step)
                result = self._step(loss(batch), progress.step)
                now = time.monotonic()
                progress = replace(
                    progress,
                    step=progress.step + 1,
                    questions=progress.questions + result.questions * process_count(),
                    seconds=earlier + now - began,
                )
                if progress.step % _LOG_EVERY == 0 or progress.step == self.steps:
                    self._report(progress, result.parts, (now - began) / (progress.step - first))
                stopped = any_process(stop.is_set(), self.device)
                if stopped or now - saved > 60 * self.config.checkpoint_minutes:
                    self._save(progress)
                    saved = now
                if stopped:
                    _log.warning(
                        "stopped after step %d/%d; the same command goes on from there", progress.step, self.steps
                    )
                    raise KeyboardInterrupt
        self._save(progress)
        return progress

    def _check_start(self, step: int) -> None:
        steps = [found for (found,) in tell_all([step], self.device)]
        if len(set(steps)) > 1:
            raise TrainingError(
                f"The processes would start from different steps ({', '.join(map(str, steps))}, by rank); give them an "
                "output folder that all of them see."
            )

    def _save(self, progress: TrainingProgress) -> None:
        if process_rank() == 0:
            save_checkpoint(self.folder, self.model, self.optimiser, progress)

    def _step(self, loss: StepLoss, step: int) -> StepLoss:
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * schedule(step, self.steps, self.config.warmup)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.total)
        average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.optimiser.step()
        return loss

    def _report(self, progress: TrainingProgress, parts: Mapping[str, Tensor], seconds_per_step: float) -> None:
        means = average_parts(parts, self.device)
        if process_rank() > 0:
            return
        _log.info(
            "step %d/%d  %s  %.1f examples/s  %.1f minutes left",
            progress.step,
            self.steps,
            "  ".join(f"{name} {value:.4g}" for name, value in means.items()),
            progress.questions / max(progress.seconds, 1e-9),
            (self.steps - progress.step) * seconds_per_step / 60,
        )


def schedule(step: int, steps: int, warmup: float) -> float:
    """Return the share of the peak learning rate: linear warm-up, then linear decay to zero."""
    grow = max(1, round(warmup * steps))
    return (step + 1) / grow if step < grow else (steps - step) / max(1, steps - grow)


def endless(
    epoch_batches: Callable[[int, int], Iterator[Batch]], first: int, steps: int, per_epoch: int
) -> Iterator[Batch]:
    """Yield the batches of the steps [first, steps); `epoch_batches(epoch, number)` yields those from a number on."""
    step = first
    while step < steps:
        epoch, number = divmod(step, per_epoch)
        for batch in epoch_batches(epoch, number):
            if step == steps:
                return
            yield batch
            step += 1
