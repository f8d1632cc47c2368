"""The benchmark of the bundled sample, over a corpus and an encoder that take seconds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.common.command_line import densephrase
from benchmarks.speed import sample, throughput
from tests.build_index.samples import random_documents, write_corpus


def test_every_figure_is_measured(
    tmp_path: Path,
    small_index: Path,
    questions_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "sample").mkdir()
    write_corpus(tmp_path / "sample" / "corpus.jsonl", random_documents(30))
    (tmp_path / "sample" / "questions.json").write_bytes(questions_file.read_bytes())
    monkeypatch.setattr(sample, "files", lambda _: tmp_path)
    folders: list[str] = []

    def run(arguments: tuple[str, ...], environment: dict[str, str] | None = None) -> dict[str, Any]:
        folders.extend((environment or {}).values())  # where everything is compiled, which takes half a minute
        return densephrase(arguments)

    counts: list[int] = []

    def rate(index: Path, questions: list[str], threads: list[int], batches: list[int]) -> throughput.Rates:
        counts.append(len(questions))
        return throughput.time_batches(index, questions, threads, batches)

    monkeypatch.setattr(sample, "densephrase", run)
    monkeypatch.setattr(sample, "time_batches", rate)
    monkeypatch.setattr(sample, "ASKED", 50)
    options = ["--encoder", str(small_index.parent / "encoder"), "--threads", "1", "--json"]
    monkeypatch.setattr(sys, "argv", ["sample", *options])
    sample.main()
    figures = json.loads(capsys.readouterr().out)
    assert (figures["documents"], figures["questions"]) == (30, 20)
    assert figures["tokens encoded a second"] > figures["tokens"] / figures["build, s"]  # encoding is a part of it
    assert counts == [60]  # whole rounds of the twenty
    assert len(folders) == 1
    assert not Path(folders[0]).exists()
    assert min(figures["the same while all kernels are compiled, s"], figures["first answer of a process, s"]) > 0
    assert figures["a question, p95, ms"] >= figures["a question, p50, ms"] > 0
    assert figures["questions a second, lists of 20, threads 1"] > 0
    assert 0 <= figures["exact match, %"] <= 100
    assert 0 <= figures["F1, %"] <= 100


def test_the_table_says_what_its_scores_are_worth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sample, "measure", lambda *_: {"questions": 96, "a question, p50, ms": 3.456})
    monkeypatch.setattr(sys, "argv", ["sample"])
    sample.main()
    printed = capsys.readouterr().out
    assert "| questions | 96 |\n| a question, p50, ms | 3.46 |" in printed
    assert "are no results" in printed
