"""`demo`: from nothing to answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from densephrase.cli.commands.demo import QUESTIONS, demo_questions

Run = Callable[..., Any]


def test_every_question_is_in_the_sample() -> None:
    questions = demo_questions()
    assert len(questions) == len(QUESTIONS) == len(set(questions))
    assert questions[0] == "Who was the Super Bowl 50 MVP?"


def test_demo_as_json_leaves_nothing_behind(
    run: Run, tiny_encoder_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = run("demo", "--encoder", tiny_encoder_path, "--json", "--top-k", "2")
    assert ran.code == 0
    *replies, summary = ran.objects
    assert [reply["question"] for reply in replies] == demo_questions()
    assert all(len(reply["answers"]) == 2 for reply in replies)
    assert summary["documents"] == 16
    assert summary["paragraphs"] > 96  # the tiny encoder reads few words at once
    assert summary["seconds_until_ready"] > 0
    assert list(tmp_path.iterdir()) == []


def test_demo_keeps_an_index_and_uses_it_again(run: Run, tiny_encoder_path: Path, tmp_path: Path) -> None:
    first = run("demo", "--encoder", tiny_encoder_path, "--index", tmp_path / "kept")
    again = run("demo", "--index", tmp_path / "kept")
    assert first.code == again.code == 0
    assert first.out == again.out
    assert all(question in first.out for question in demo_questions())
    assert "Indexing" in first.err
    assert "Using the index" in again.err
