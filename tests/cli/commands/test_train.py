"""`train` and `train-reader`: settings become flags, and flags settings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from densephrase.training.loop.settings import LoopConfig
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.reader.config import ReaderTrainingConfig

Run = Callable[..., Any]


@dataclass(frozen=True)
class Training:
    """A command, its settings, and the function that does the work."""

    name: str
    settings: type[LoopConfig]
    module: str
    function: str


TRAININGS = [
    Training("train", TrainingConfig, "densephrase.training.phrase.trainer", "train"),
    Training("train-reader", ReaderTrainingConfig, "densephrase.training.reader.trainer", "train_reader"),
]


@pytest.fixture(params=TRAININGS, ids=lambda training: training.name)
def training(request: pytest.FixtureRequest) -> Training:
    """Each of the commands in turn."""
    chosen: Training = request.param
    return chosen


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put trainers in place that only take note of how they are called."""
    noted: list[dict[str, Any]] = []
    for training in TRAININGS:

        def train(
            questions: list[Any], output: str, config: LoopConfig, device: str, name: str = training.name
        ) -> dict[str, Any]:
            noted.append({"name": name, "questions": questions, "output": output, "config": config, "device": device})
            return {"steps": 3, "seconds": 1.5}

        module = ModuleType(training.module)
        setattr(module, training.function, train)
        monkeypatch.setitem(sys.modules, training.module, module)
    return noted


def test_defaults_are_those_of_the_config(
    run: Run, questions: Path, calls: list[dict[str, Any]], training: Training
) -> None:
    ran = run(training.name, questions, "--output", "folder", "--json")
    assert ran.code == 0
    assert ran.objects == [{"steps": 3, "seconds": 1.5}]
    [call] = calls
    assert (call["name"], call["output"], call["device"]) == (training.name, "folder", "cpu")
    assert call["config"] == training.settings()


def test_people_get_a_table(run: Run, questions: Path, calls: list[dict[str, Any]], training: Training) -> None:
    ran = run(training.name, questions, "--output", "folder")
    assert [line.split() for line in ran.out.splitlines()] == [["steps", "3"], ["seconds", "1.5"]]


def test_settings_become_flags(run: Run, questions: Path, calls: list[dict[str, Any]], training: Training) -> None:
    flags = ["--epochs", "0.5", "--max-answer-tokens", "7", "--weight-decay", "0", "--device", "cuda:1"]
    assert run(training.name, questions, questions, "--output", "folder", *flags).code == 0
    settings: Any = training.settings
    assert calls[0]["config"] == settings(epochs=0.5, max_answer_tokens=7, weight_decay=0.0)
    assert calls[0]["device"] == "cuda:1"
    assert len(calls[0]["questions"]) == 6


def test_yes_and_no_become_flags(run: Run, questions: Path, calls: list[dict[str, Any]]) -> None:
    for flag, expected in (("--no-freeze-embeddings", False), ("--freeze-embeddings", True)):
        assert run("train", questions, "--output", "folder", flag).code == 0
        assert calls[-1]["config"] == TrainingConfig(freeze_embeddings=expected)


def test_help_explains_every_setting(run: Run, training: Training) -> None:
    out = run(training.name, "--help").out
    words = " ".join(out.split())
    for field in fields(training.settings):
        assert f"--{field.name.replace('_', '-')}" in out
        assert f"(default: {field.default})" in words


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--epochs", "x"],
        ["--max-answer-tokens", "0"],
        ["--max-tokens", "7"],
        ["--precision", "int4"],
        ["--colour", "red"],
    ],
    ids=["no output", "no number", "too small", "too few tokens", "unknown", "no such setting"],
)
def test_settings_without_sense_are_wrong_usage(
    arguments: list[str], run: Run, questions: Path, calls: list[dict[str, Any]], training: Training
) -> None:
    output = ["--output", "folder"] if arguments else []
    ran = run(training.name, questions, *output, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert calls == []


def test_bad_data_is_1(run: Run, tmp_path: Path, calls: list[dict[str, Any]], training: Training) -> None:
    assert run(training.name, tmp_path / "none.jsonl", "--output", "folder").code == 1
    assert calls == []
