"""The table of programs that encode questions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import question_encoding


def test_every_program_gets_a_row(
    tiny_encoder_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = [{"question": f"who was king of {word}", "answers": ["x"]} for word in ("paris", "london", "war")]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in questions))
    monkeypatch.setattr(question_encoding, "loading", lambda *_: {"load_seconds": 1.5, "peak_memory_mb": 99.0})
    arguments = ["--encoder", str(tiny_encoder_path), "--repeats", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["question_encoding", str(tmp_path / "asked.jsonl"), *arguments])
    question_encoding.main()
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith(("| t", "| o"))]
    assert [row[0].strip() for row in rows] == list(question_encoding._PROGRAMS)
    assert [float(row[4]) > 0.99 for row in rows] == [True] * 3
    assert float(rows[0][5]) == pytest.approx(1)


def test_loading_is_that_of_a_new_process(tiny_encoder_path: Path) -> None:
    figures = question_encoding.loading("onnx int8", str(tiny_encoder_path), 1)
    assert figures["load_seconds"] > 0
    assert figures["peak_memory_mb"] > 10
