"""Questions per second over a small index."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.speed import throughput


def test_a_run_prints_a_row_for_each_number_of_threads(
    small_index: Path, questions_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--limit", "8", "--threads", "1", "--batches", "1", "5"]
    monkeypatch.setattr(sys, "argv", ["throughput", str(small_index), str(questions_file), *options])
    throughput.main()
    header, _, row = capsys.readouterr().out.splitlines()[-3:]
    assert header == "| questions/s | batches of 1 | batches of 5 |"
    assert row.startswith("| 1 thread | ")
    assert all(int(cell) > 0 for cell in row.split(" | ")[1:-1])


def test_a_batch_must_be_filled(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["throughput", "index", "questions", "--limit", "8", "--batches", "9"])
    with pytest.raises(SystemExit):
        throughput.main()
    assert "--limit must be at least the largest of --batches" in capsys.readouterr().err
