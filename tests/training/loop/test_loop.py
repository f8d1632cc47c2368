"""The loop that trainings share: groups of parameters, learning rates, batches of steps, reports."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from densephrase.training.loop.checkpoint import CHECKPOINT_FILE, TrainingProgress
from densephrase.training.loop.loop import StepLoss, Training, endless, schedule
from densephrase.training.loop.settings import LoopConfig
from densephrase.training.phrase.trainer import train
from tests.training.facts import make_facts, make_settings

CPU = torch.device("cpu")


class Small(nn.Module):
    """Two layers and a frozen one; both layers have the gradient 1 everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.heads, self.frozen = nn.Linear(3, 3), nn.Linear(3, 2), nn.Linear(3, 3)
        self.frozen.requires_grad_(False)

    def loss(self) -> torch.Tensor:
        return torch.stack([value.sum() for value in self.parameters() if value.requires_grad]).sum()


def start(folder: Path, steps: int = 4, rates: dict[str, float] | None = None, **changes: Any) -> Training[Small]:
    torch.manual_seed(0)
    config = LoopConfig(**{"learning_rate": 0.01, "warmup": 0.0, "clip": 1e9, "precision": "float32", **changes})
    return Training.start(Small(), config, CPU, folder, steps, rates or {})


def run(training: Training[Small], progress: TrainingProgress | None = None) -> TrainingProgress:
    def batches(first: int) -> Iterator[int]:
        yield from range(first, training.steps)

    def loss(batch: int) -> StepLoss:
        total = training.model.loss()
        return StepLoss(total, {"sum": total, "batch": torch.tensor(float(batch))}, 5)

    return training.run(progress or TrainingProgress(), batches, loss)


def test_weight_decay_is_for_matrices_and_nothing_frozen_is_trained(tmp_path: Path) -> None:
    training = start(tmp_path, weight_decay=0.3)
    decays = {
        id(parameter): group["weight_decay"]
        for group in training.optimiser.param_groups
        for parameter in group["params"]
    }
    expected = {
        id(parameter): 0.3 if name.endswith("weight") else 0.0
        for name, parameter in training.model.named_parameters()
        if not name.startswith("frozen")
    }
    assert decays == expected


def changes(training: Training[Small]) -> dict[str, float]:
    """Return how far each parameter has moved since the start."""
    torch.manual_seed(0)
    before = Small().state_dict()
    return {name: float((value - before[name]).abs().max()) for name, value in training.model.state_dict().items()}


def test_a_step_of_adam_moves_by_the_learning_rate(tmp_path: Path) -> None:
    training = start(tmp_path, steps=1, rates={"heads.": 0.5}, weight_decay=0.0)
    run(training)
    moved = changes(training)
    for name, expected in (("body.", 0.01), ("heads.", 0.5), ("frozen.", 0.0)):
        for part in ("weight", "bias"):
            assert moved[name + part] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("still", ["body", "heads"])
def test_rates_of_their_own_follow_the_same_schedule(still: str, tmp_path: Path) -> None:
    rates, rate = ({"heads.": 0.02}, 0.0) if still == "body" else ({"heads.": 0.0}, 0.02)
    training = start(tmp_path, steps=4, rates=rates, learning_rate=rate, weight_decay=0.0)
    run(training)
    moved = changes(training)
    assert moved[f"{still}.weight"] == 0
    total = 0.02 * sum(schedule(step, 4, 0.0) for step in range(4))  # equal gradients: Adam moves by the rate each time
    other = {"body": "heads", "heads": "body"}[still]
    assert moved[f"{other}.weight"] == pytest.approx(total, rel=1e-3)


def test_progress_counts_steps_and_questions(tmp_path: Path) -> None:
    progress = run(start(tmp_path), TrainingProgress(step=1, questions=7, seconds=100.0, run="x"))
    assert (progress.step, progress.questions, progress.run) == (4, 7 + 3 * 5, "x")
    assert progress.seconds >= 100
    assert (tmp_path / CHECKPOINT_FILE).is_file()


def test_a_report_names_every_part(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "densephrase.training"):
        run(start(tmp_path, steps=21))
    assert [message.split("  ")[0] for message in caplog.messages] == ["step 20/21", "step 21/21"]
    assert all("  sum " in message and "examples/s" in message for message in caplog.messages)
    assert "  batch 20 " in caplog.messages[1]


@pytest.mark.parametrize("clip", [1e9, 1e-3], ids=["out of reach", "reached"])
def test_gradients_are_clipped_together(clip: float, tmp_path: Path) -> None:
    training = start(tmp_path, steps=1, clip=clip)
    run(training)
    gradients = [value.grad for value in training.model.parameters() if value.grad is not None]
    norm = float(torch.cat([gradient.flatten() for gradient in gradients]).norm())
    count = sum(gradient.numel() for gradient in gradients)
    assert norm == pytest.approx(min(clip, count**0.5), rel=1e-3)


@pytest.mark.parametrize("first", [0, 2, 3, 7])
@pytest.mark.parametrize("steps", [7, 8, 9])
def test_epochs_follow_each_other_until_the_last_step(first: int, steps: int) -> None:
    def epoch(number: int, skipped: int) -> Iterator[tuple[int, int]]:
        yield from ((number, place) for place in range(skipped, 3))

    found = list(endless(epoch, first, steps, per_epoch=3))
    assert found == [divmod(step, 3) for step in range(first, steps)]


@pytest.mark.parametrize(("warmup", "steps"), [(0.5, 10), (0.0, 4), (1.0, 3)], ids=["half", "none", "all"])
def test_the_learning_rate_rises_and_falls(warmup: float, steps: int) -> None:
    rates = [schedule(step, steps, warmup) for step in range(steps)]
    grow = max(1, round(warmup * steps))
    assert max(rates) == rates[grow - 1] == 1.0
    assert rates[:grow] == sorted(rates[:grow])
    assert rates[grow:] == sorted(rates[grow:], reverse=True)
    assert min(rates) > 0


@pytest.mark.parametrize(("rate", "sparse_rate"), [(0.0, 1e-2), (1e-2, 0.0)], ids=["Sparc heads alone", "the rest"])
def test_sparc_heads_have_a_learning_rate_of_their_own(
    rate: float, sparse_rate: float, backbone: Path, tmp_path: Path
) -> None:
    still = make_settings(backbone, max_steps=1, learning_rate=0.0, sparc_learning_rate=0.0, weight_decay=0.0)
    moving = make_settings(
        backbone, max_steps=1, learning_rate=rate, sparc_learning_rate=sparse_rate, weight_decay=0.0, warmup=0.0
    )
    for name, settings in (("still", still), ("moving", moving)):
        train(make_facts(), tmp_path / name, settings)
    before, after = (load_file(tmp_path / name / CHECKPOINT_FILE) for name in ("still", "moving"))
    moved = {
        name.removeprefix("model.")
        for name in before
        if name.startswith("model.") and (before[name] != after[name]).any()
    }
    assert {name for name in moved if name.startswith("sparc.")} == (
        {"sparc.query.weight", "sparc.query.bias", "sparc.key.weight", "sparc.key.bias"} if sparse_rate else set()
    )
    assert ("start_head.projection.weight" in moved) == (rate > 0)
