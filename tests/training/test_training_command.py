"""`densephrase train` from questions on disk to an encoder that answers."""

from __future__ import annotations

import json
import logging
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from densephrase.cli.main import main
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.training import trainer
from densephrase.training.config import TrainingConfig
from tests.training.facts import make_facts, make_settings


@pytest.fixture
def arguments(tmp_path: Path, backbone: Path) -> list[str]:
    """The command line of a short run."""
    rows = [
        {
            "id": fact.id,
            "question": fact.text,
            "answers": [{"text": fact.answers[0], "answer_start": fact.answer_starts[0]}],
            "title": fact.title,
            "context": fact.context,
        }
        for fact in make_facts()
    ]
    data = tmp_path / "facts.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings, usual = make_settings(backbone, max_steps=21), TrainingConfig()
    given = {item.name: getattr(settings, item.name) for item in fields(settings)}
    flags = [
        part
        for name, value in given.items()
        if value != getattr(usual, name)
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]
    return ["train", str(data), "--output", str(tmp_path / "encoder"), *flags]


def test_a_run_reports_and_leaves_an_encoder(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert (report["steps"], report["windows"]) == (21, 8)
    assert "step 20/21  paragraph" in err
    assert "step 21/21  paragraph" in err
    encoder = PhraseEncoder.from_pretrained(report["encoder"])
    assert encoder.encode_questions(["who"]).start.shape == (1, 32)
    assert logging.getLogger("densephrase.training").handlers == []


def test_ctrl_c_says_how_to_go_on(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = trainer._step

    def interrupted(run: Any, batch: Any, at: int) -> Any:
        signal.raise_signal(signal.SIGINT)
        return step(run, batch, at)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "_step", interrupted)
        assert main(arguments) == 130
    assert "stopped after step 1/21; the same command goes on from there" in capsys.readouterr().err
    assert not (tmp_path / "encoder" / "config.json").exists()
    assert main(arguments) == 0
    assert "step 21/21" in capsys.readouterr().err
    assert (tmp_path / "encoder" / "config.json").exists()


def test_a_backbone_that_cannot_be_loaded_is_1(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments[arguments.index("--backbone") + 1] = "no/such/folder/at/all"
    assert main(arguments) == 1
    assert "'no/such/folder/at/all' cannot be loaded" in capsys.readouterr().err
