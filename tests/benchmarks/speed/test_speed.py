"""The one command for the tables and plots of speed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.speed import speed


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["speed", *map(str, arguments)])
    speed.main()


@pytest.mark.slow
def test_tables_and_plots_are_written(
    small_index: Path, questions_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    parts = [
        "--latency=--limit 2",
        "--roofline=--repeats 1 --limit 2 --kernels bm25",
        "--throughput=--limit 4 --threads 1 --batches 2",
    ]
    run(monkeypatch, small_index, questions_file, "--output", tmp_path / "out", "--without", "scale", *parts)
    names = ("latency", "roofline", "throughput")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        name + ending for name in names for ending in (".md", ".svg")
    }
    for name, row in zip(names, ("| encode |", "| BM25 by MaxScore |", "| 1 thread |"), strict=True):
        table = (tmp_path / "out" / f"{name}.md").read_text(encoding="utf-8")
        assert table.startswith(f"`python -m benchmarks.{name} ")
        assert row in table


def test_each_benchmark_gets_its_files_and_what_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []

    def start(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        started.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", start)
    run(monkeypatch, "INDEX", "QUESTIONS", "--output", tmp_path, "--scale=--rows 1000 0")
    assert [command[1:4] for command in started] == [["-m", "benchmarks", name] for name in speed.PARTS]
    plots = [["--plot", str(tmp_path / f"{name}.svg")] for name in speed.PARTS]
    assert [command[4:] for command in started] == [
        ["INDEX", "QUESTIONS", *plots[0]],
        ["--index", "INDEX", "--questions", "QUESTIONS", *plots[1]],
        ["INDEX", "QUESTIONS", str(tmp_path / "vectors"), *plots[2], "--rows", "1000", "0"],
        ["INDEX", "QUESTIONS", *plots[3]],
    ]
    assert capsys.readouterr().out.split() == [str(tmp_path / f"{name}.md") for name in speed.PARTS]


def test_a_part_that_fails_is_named_and_leaves_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "missing.json"
    with pytest.raises(SystemExit, match=r"throughput failed with exit code 1"):
        run(monkeypatch, tmp_path, missing, "--output", tmp_path, "--without", "latency", "roofline", "scale")
    assert not (tmp_path / "throughput.md").exists()
