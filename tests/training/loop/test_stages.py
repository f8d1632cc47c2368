"""Trainings as lists of stages: their order, their seconds, and a new objective as another list."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from densephrase.training.loop.checkpoint import TrainingProgress
from densephrase.training.loop.loop import StepLoss, Training
from densephrase.training.loop.objective import Objective, planned_steps
from densephrase.training.loop.settings import LoopConfig
from densephrase.training.loop.stages import Stage, run_stages
from densephrase.training.phrase.trainer import PHRASE_STAGES, train
from tests.training.facts import make_facts, make_settings


def test_stages_run_in_order_over_one_state_and_are_timed(caplog: pytest.LogCaptureFixture) -> None:
    stages = [
        Stage[list[str]]("first", lambda state: state.append("a")),
        Stage[list[str]]("second", lambda state: state.append(state[-1] + "b")),
    ]
    state: list[str] = []
    with caplog.at_level(logging.INFO):
        seconds = run_stages(stages, state)
    assert state == ["a", "ab"]
    assert list(seconds) == ["first", "second"]
    assert all(0 <= taken < 10 for taken in seconds.values())
    assert [record.getMessage() for record in caplog.records] == ["first: 0.0 seconds", "second: 0.0 seconds"]


def test_a_stage_that_fails_ends_the_run() -> None:
    def fail(state: list[str]) -> None:
        raise ValueError("no")

    state: list[str] = []
    with pytest.raises(ValueError, match="no"):
        run_stages([Stage("bad", fail), Stage("never", lambda state: state.append("seen"))], state)
    assert state == []


def test_training_an_encoder_reports_every_stage(backbone: Path, tmp_path: Path) -> None:
    report = train(make_facts(), tmp_path, make_settings(backbone, max_steps=1))
    assert list(report["stage_seconds"]) == [stage.name for stage in PHRASE_STAGES]


@dataclass
class Fit:
    """The state of a training that fits one number."""

    model: nn.Linear
    folder: Path
    progress: TrainingProgress


def squared(training: Training[nn.Linear], batch: float) -> StepLoss:
    total = (training.model.weight.sum() - batch).square()
    return StepLoss(total, {"squared": total}, 1)


def three_of_each(epoch: int, first: int) -> Iterator[float]:
    yield from [float(epoch)] * (3 - first)


def fit(run: Fit) -> None:
    config = LoopConfig(learning_rate=0.1, precision="float32")
    steps = planned_steps(config, epochs=20.0, per_epoch=3)
    training = Training.start(run.model, config, torch.device("cpu"), run.folder, steps)
    run.progress = Objective(squared, three_of_each, 3).minimise(training, run.progress)


def halve(run: Fit) -> None:
    run.model.weight.data /= 2


def test_another_objective_is_another_list(tmp_path: Path) -> None:
    found = []
    for stages in ([Stage("fit", fit)], [Stage("fit", fit), Stage("halve", halve)]):
        torch.manual_seed(0)
        run = Fit(nn.Linear(1, 1, bias=False), tmp_path, TrainingProgress())
        run_stages(stages, run)
        assert run.progress.step == 60
        found.append(run.model.weight.item())
    assert found[0] > 1
    assert found[1] == found[0] / 2


@pytest.mark.parametrize("stop", [1, 2, 3, 7])
def test_steps_may_be_taken_in_parts(stop: int, tmp_path: Path) -> None:
    found = []
    for parts in ([7], [stop, 7]):
        torch.manual_seed(3)
        model = nn.Linear(1, 1, bias=False)
        training = Training.start(model, LoopConfig(precision="float32"), torch.device("cpu"), tmp_path, 7)
        progress = TrainingProgress()
        for last in parts:
            progress = Objective(squared, three_of_each, 3).minimise(training, progress, last)
        assert (progress.step, progress.questions) == (7, 7)
        found.append(model.weight.item())
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("max_steps", "epochs", "steps"), [(0, 2.5, 10), (0, 0.0, 1), (3, 9.0, 3)], ids=["epochs", "none", "limit"]
)
def test_the_length_of_a_run(max_steps: int, epochs: float, steps: int) -> None:
    assert planned_steps(LoopConfig(max_steps=max_steps), epochs, per_epoch=4) == steps
