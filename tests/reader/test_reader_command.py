"""`densephrase train-reader` from questions on disk to a reader that teaches `densephrase train`."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from densephrase.cli.main import main
from densephrase.reader.extractive_reader import ExtractiveReader
from densephrase.training.data.teacher import TEACHER_FILE
from tests.reader.small_reader import make_reader_settings
from tests.training.facts import as_flags, make_settings, write_facts
from tests.training.stopping import before_step, press_ctrl_c


@pytest.fixture
def arguments(tmp_path: Path, backbone: Path) -> list[str]:
    """The command line of a short run."""
    data = write_facts(tmp_path / "facts.jsonl")
    flags = as_flags(make_reader_settings(backbone, max_steps=21))
    return ["train-reader", str(data), "--output", str(tmp_path / "reader"), *flags]


def test_a_run_reports_and_leaves_a_reader_that_teaches(
    arguments: list[str], backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["steps"] == 21
    assert "step 20/21  start" in err
    assert "step 21/21  start" in err
    ExtractiveReader.from_pretrained(report["reader"])
    assert logging.getLogger("densephrase.training").handlers == []
    flags = as_flags(make_settings(backbone, max_steps=20, teacher=report["reader"]))
    assert main(["train", arguments[1], "--output", str(tmp_path / "encoder"), *flags]) == 0
    assert (tmp_path / "encoder" / TEACHER_FILE).is_file()
    [line] = [line for line in capsys.readouterr().err.splitlines() if "step 20/20" in line]
    words = line.split()
    assert float(words[words.index("distillation") + 1]) > 0


def test_ctrl_c_says_how_to_go_on(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        before_step(patch, 0, press_ctrl_c)
        assert main(arguments) == 130
    assert "stopped after step 1/21; the same command goes on from there" in capsys.readouterr().err
    assert not (tmp_path / "reader" / "reader.json").exists()
    assert main(arguments) == 0
    assert (tmp_path / "reader" / "reader.json").exists()


def test_a_backbone_that_cannot_be_loaded_is_1(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    arguments[arguments.index("--backbone") + 1] = "no/such/folder/at/all"
    assert main(arguments) == 1
    assert "'no/such/folder/at/all' cannot be loaded" in capsys.readouterr().err


def test_a_teacher_that_is_none_is_1(backbone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_facts(tmp_path / "facts.jsonl")
    flags = as_flags(make_settings(backbone, teacher=str(tmp_path)))
    assert main(["train", str(data), "--output", str(tmp_path / "encoder"), *flags]) == 1
    assert "holds no reader.json; give a folder that `densephrase train-reader` wrote" in capsys.readouterr().err
