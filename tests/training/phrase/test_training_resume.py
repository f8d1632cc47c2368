"""Runs that were stopped end as if they had not been; checkpoints that do not fit are refused."""

from __future__ import annotations

import logging
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from densephrase.data import Question
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.location import ENCODER_FILES
from densephrase.errors import TrainingError
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE
from densephrase.training.loop.interruption import deferred_interrupt
from densephrase.training.phrase.trainer import train
from tests.training.facts import make_facts, make_settings
from tests.training.stopping import Stopped, assert_same_run, before_step, press_ctrl_c, stop

FACTS = make_facts()


@pytest.mark.parametrize("at", [1, 3, 5], ids="after {} steps".format)
def test_a_stopped_run_ends_like_one_that_never_stopped(
    at: int, whole: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(backbone)
    every_step = replace(settings, checkpoint_minutes=0.0)
    with monkeypatch.context() as patch:
        made = before_step(patch, at, stop)
        with pytest.raises(Stopped):
            train(FACTS, tmp_path, every_step)
        assert made == list(range(at + 1))
    torch.manual_seed(999)  # another process would stand elsewhere
    made = before_step(monkeypatch, -1, stop)
    train(FACTS, tmp_path, every_step)
    assert made == list(range(at, 6))
    whole_config, config = EncoderConfig.load(whole), EncoderConfig.load(tmp_path)
    config.training["settings"]["checkpoint_minutes"] = whole_config.training["settings"]["checkpoint_minutes"]
    config.save(tmp_path)
    assert_same_run(whole, tmp_path, ENCODER_FILES)


@pytest.mark.parametrize(
    "changes", [{"vector_size": 12}, {"hard_negatives": "terms"}], ids=["shorter vectors", "rivals by terms"]
)
@pytest.mark.parametrize("at", [1, 3], ids="after {} steps".format)
def test_a_stopped_run_that_changes_vectors_or_batches_ends_as_well(
    at: int, changes: dict[str, Any], whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(whole, max_steps=4, checkpoint_minutes=0.0, **changes)
    train(FACTS, tmp_path / "never", settings)
    with monkeypatch.context() as patch:
        before_step(patch, at, stop)
        with pytest.raises(Stopped):
            train(FACTS, tmp_path / "stopped", settings)
    torch.manual_seed(999)
    train(FACTS, tmp_path / "stopped", settings)
    assert_same_run(tmp_path / "never", tmp_path / "stopped", ENCODER_FILES)


def test_dropout_makes_resuming_worth_a_test(whole: Path, backbone: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(backbone, seed=14))
    first, second = (
        load_file(folder / CHECKPOINT_FILE)["model.start_head.projection.weight"] for folder in (whole, tmp_path)
    )
    assert not torch.equal(first, second)


def test_ctrl_c_finishes_the_step_and_keeps_it(
    whole: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    former = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        before_step(patch, 3, press_ctrl_c)
        with pytest.raises(KeyboardInterrupt), caplog.at_level(logging.INFO):
            train(FACTS, tmp_path, make_settings(backbone))
    assert "stopped after step 4/6; the same command goes on from there" in caplog.text
    assert signal.getsignal(signal.SIGINT) is former
    made = before_step(monkeypatch, -1, stop)
    train(FACTS, tmp_path, make_settings(backbone))
    assert made == [4, 5]
    assert_same_run(whole, tmp_path, ENCODER_FILES)


def test_a_second_ctrl_c_stops_at_once() -> None:
    with deferred_interrupt() as asked:
        signal.raise_signal(signal.SIGINT)
        assert asked.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_other_threads_train_without_signals() -> None:
    seen: list[bool] = []

    def work() -> None:
        with deferred_interrupt() as asked:
            seen.append(asked.is_set())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_the_rank_of_sparse_factors_may_change_after_training(whole: Path, backbone: Path, tmp_path: Path) -> None:
    shutil.copy(whole / CHECKPOINT_FILE, tmp_path)
    train(FACTS, tmp_path, make_settings(backbone, sparc_rank=3))
    assert EncoderConfig.load(tmp_path).sparc_rank == 3
    before, after = (load_file(folder / "model.safetensors") for folder in (whole, tmp_path))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("sparse_factors.") for name in changed)


@pytest.mark.parametrize("recall", [0.99, 0.5], ids="recall {}".format)
def test_a_finished_run_is_only_calibrated_again(
    recall: float, whole: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(whole / CHECKPOINT_FILE, tmp_path)
    made = before_step(monkeypatch, -1, stop)
    report = train(FACTS, tmp_path, make_settings(backbone, filter_recall=recall))
    assert made == []
    assert report["steps"] == 6
    threshold, former = (EncoderConfig.load(folder).start_threshold for folder in (tmp_path, whole))
    assert threshold == former if recall == 0.99 else threshold > former


@pytest.mark.parametrize(
    ("changes", "questions"),
    [({"learning_rate": 1e-3}, FACTS), ({"max_steps": 7}, FACTS), ({}, FACTS[:-1])],
    ids=["settings", "steps", "data"],
)
def test_a_checkpoint_of_another_run_is_refused(
    changes: dict[str, Any], questions: list[Question], whole: Path, backbone: Path
) -> None:
    with pytest.raises(TrainingError, match="belongs to a run with other settings, data or library versions"):
        train(questions, whole, make_settings(backbone, **changes))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def lose(*names: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata()
        save_file({name: value for name, value in load_file(path).items() if name not in names}, path, metadata)

    return change


@pytest.mark.parametrize(
    "damage",
    [cut, lambda path: path.write_bytes(b""), lose("model.start_head.projection.bias"), lose("random.cpu")],
    ids=["cut", "empty", "no weight", "no random state"],
)
def test_a_damaged_checkpoint_is_named(
    damage: Callable[[Path], None], whole: Path, backbone: Path, tmp_path: Path
) -> None:
    path = tmp_path / CHECKPOINT_FILE
    path.write_bytes((whole / CHECKPOINT_FILE).read_bytes())
    damage(path)
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors cannot be read .*; remove it to start again"):
        train(FACTS, tmp_path, make_settings(backbone))
