"""The one entry point of the benchmarks: it lists those that can be run, and runs them as they are run alone."""

from __future__ import annotations

import importlib
import sys

import pytest

from benchmarks import __main__ as entry_point


def test_every_module_that_runs_by_itself_is_listed() -> None:
    files = entry_point.FOLDER.rglob("[a-z]*.py")
    alone = {file.stem for file in files if 'if __name__ == "__main__"' in file.read_text("utf-8")}
    assert entry_point.modules().keys() == alone
    assert "command_line" not in alone


def test_each_has_a_purpose_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    entry_point.main([])
    printed = capsys.readouterr().out.splitlines()
    for name in ("latency", "roofline", "scale", "speed", "throughput"):
        module = importlib.import_module(entry_point.modules()[name])
        purpose = "  " + str(module.__doc__).splitlines()[0]
        assert [line.split()[0] for line in printed if line.endswith(purpose)] == [name]


def test_arguments_reach_the_benchmark(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    again = entry_point.modules()["roofline"]  # it runs as a module of another name
    monkeypatch.delitem(sys.modules, again, raising=False)
    with pytest.raises(SystemExit, match="0"):
        entry_point.main(["roofline", "--help"])
    assert "--gigabytes" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["rooflines", "command_line"])
def test_another_name_is_an_error_that_says_which_there_are(name: str) -> None:
    with pytest.raises(SystemExit, match=rf"no benchmark '{name}'; choose one of exhaustive, .*, tune_weights"):
        entry_point.main([name])
