"""`train`: settings become flags, and flags settings."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from densephrase.training.config import TrainingConfig

Run = Callable[..., Any]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put a trainer in place that only takes note of how it is called."""
    noted: list[dict[str, Any]] = []

    def train(questions: list[Any], output: str, config: TrainingConfig, device: str) -> dict[str, Any]:
        noted.append({"questions": questions, "output": output, "config": config, "device": device})
        return {"steps": 3}

    module = ModuleType("densephrase.training.trainer")
    module.train = train  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "densephrase.training.trainer", module)
    return noted


def test_defaults_are_those_of_the_config(run: Run, questions: Path, calls: list[dict[str, Any]]) -> None:
    ran = run("train", questions, "--output", "encoder", "--json")
    assert ran.code == 0
    assert ran.objects == [{"steps": 3}]
    [call] = calls
    assert (call["output"], call["config"], call["device"]) == ("encoder", TrainingConfig(), "cpu")


def test_settings_become_flags(run: Run, questions: Path, calls: list[dict[str, Any]]) -> None:
    settings = ["--epochs", "0.5", "--coherency-rank", "0", "--no-freeze-embeddings", "--precision", "float32"]
    assert run("train", questions, questions, "--output", "encoder", *settings).code == 0
    expected = TrainingConfig(epochs=0.5, coherency_rank=0, freeze_embeddings=False, precision="float32")
    assert calls[0]["config"] == expected
    assert len(calls[0]["questions"]) == 6


def test_help_explains_every_setting(run: Run) -> None:
    out = run("train", "--help").out
    assert all(f"--{field.name.replace('_', '-')}" in out for field in fields(TrainingConfig))


@pytest.mark.parametrize(
    "arguments",
    [[], ["--epochs", "x"], ["--vector-size", "0"], ["--precision", "int4"]],
    ids=["no output", "no number", "too small", "unknown"],
)
def test_settings_without_sense_are_wrong_usage(arguments: list[str], run: Run, questions: Path) -> None:
    output = ["--output", "encoder"] if arguments else []
    ran = run("train", questions, *output, *arguments)
    assert (ran.code, ran.out) == (2, "")


def test_bad_data_is_1(run: Run, tmp_path: Path, calls: list[dict[str, Any]]) -> None:
    assert run("train", tmp_path / "none.jsonl", "--output", "encoder").code == 1
    assert calls == []
