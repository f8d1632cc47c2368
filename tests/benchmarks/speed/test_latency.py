"""The steps of a question, warm and cold, over a small index."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.speed import latency
from densephrase.phrase_index import PhraseIndex

STEPS = ("encode", "prepare", "starts", "paragraphs", "score", "answer")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["latency", *map(str, arguments)])
    latency.main()


def test_a_run_prints_the_steps(
    small_index: Path, questions_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, small_index, questions_file, "--limit", 4)
    printed = capsys.readouterr().out
    assert "4 questions, one thread" in printed
    rows = [line.split(" | ")[0] for line in printed.splitlines() if line.startswith("| ")]
    assert rows == ["| step", *(f"| {step}" for step in STEPS), "| all but encode", "| all"]


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="only Linux can be asked")
def test_a_cold_question_is_asked_of_an_index_that_nobody_has_open(
    small_index: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[str] = []
    opened, closed = PhraseIndex.open.__func__, PhraseIndex.close  # type: ignore[attr-defined]

    def opening(cls: type[PhraseIndex], *arguments: object, **options: object) -> PhraseIndex:
        events.append("open")
        index: PhraseIndex = opened(cls, *arguments, **options)
        return index

    with PhraseIndex.open(small_index) as index:
        encoder = index.encoder
    monkeypatch.setattr(PhraseIndex, "open", classmethod(opening))
    monkeypatch.setattr(PhraseIndex, "close", lambda index: (events.append("close"), closed(index)))
    monkeypatch.setattr(latency, "evict", lambda path: events.append("evict"))
    monkeypatch.setattr(latency, "resident_share", lambda path: 0.25)
    measured = list(latency.time_cold(small_index, encoder, ["Who?", "Where?"]))
    assert events == ["evict", "open", "close"] * 2
    assert all(min(row.seconds) > 0 and min(row.read) >= 0 for row in measured)
    latency.print_cold([latency.Cold((0.1 * number, 0.01), (2**21, 2**22), 0.25) for number in (1, 2, 6)])
    printed = capsys.readouterr().out
    assert "| opening | 200 | 100 | 600 | 2 |\n| first question after opening | 10 | 10 | 10 | 4 |" in printed
    assert "At most 25.0% of the index stayed in the page cache." in printed
