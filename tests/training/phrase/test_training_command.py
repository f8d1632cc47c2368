"""`densephrase train` from questions on disk to an encoder that answers."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from densephrase.cli.main import main
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from tests.training.facts import as_flags, make_settings, write_facts
from tests.training.stopping import before_step, press_ctrl_c


@pytest.fixture
def arguments(tmp_path: Path, backbone: Path) -> list[str]:
    """The command line of a short run."""
    data = write_facts(tmp_path / "facts.jsonl")
    flags = as_flags(make_settings(backbone, max_steps=21))
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
    with monkeypatch.context() as patch:
        before_step(patch, 0, press_ctrl_c)
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
