from __future__ import annotations

import io
import re

import pytest

from densephrase.build_index.run.progress import LineProgress, Progress, ProgressCounter, TqdmProgress


def test_rates_leave_out_what_an_earlier_run_did() -> None:
    progress = Progress("encoding", total=100, done=60, resumed=40, documents=4, tokens=50, seconds=2.0)
    assert progress.documents_per_second == 2
    assert progress.tokens_per_second == 25
    assert progress.seconds_left == 4


def test_nothing_is_foretold_before_anything_is_done() -> None:
    assert Progress("encoding", total=100, done=40, resumed=40).seconds_left is None
    assert Progress("encoding").tokens_per_second == 0


def test_the_counter_adds_up_and_starts_again_with_each_stage() -> None:
    seen: list[Progress] = []
    counter = ProgressCounter(seen.append)
    counter.enter("encoding", total=10, resumed=2)
    counter.advance(done=3, documents=1, tokens=5)
    counter.advance(done=5, tokens=5, written=100)
    counter.enter("terms", total=4)
    assert [(item.stage, item.done, item.documents, item.tokens, item.written) for item in seen] == [
        ("encoding", 2, 0, 0, 0),
        ("encoding", 5, 1, 5, 0),
        ("encoding", 10, 1, 10, 100),
        ("terms", 0, 0, 0, 0),
    ]


def test_nobody_has_to_listen() -> None:
    counter = ProgressCounter(None)
    counter.advance(1)
    assert counter._state.done == 1


def test_the_bar_shows_rates_megabytes_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with TqdmProgress(disable=False) as show:
        show(Progress("reading the corpus"))
        show(Progress("encoding", total=100))
        show(Progress("encoding", 100, 50, 0, documents=3, tokens=6000, written=7_000_000, seconds=2.0))
        show(Progress("done"))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "reading the corpus" in shown.err
    assert re.search(r"encoding:  50% .* left, 1.5 documents/s, 3,000 tokens/s, 7 MB written", shown.err)


def test_nothing_is_shown_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with TqdmProgress() as show:
        show(Progress("encoding", 100, 50, 0, documents=3, tokens=6000, written=7_000_000, seconds=2.0))
    assert capsys.readouterr().err == ""


def test_where_no_terminal_is_there_is_a_line_for_each_stage_and_then_now_and_then() -> None:
    stream = io.StringIO()
    often, seldom = LineProgress(stream, seconds=0), LineProgress(stream)
    for show in (often, seldom):
        show(Progress("encoding", total=100))
        show(Progress("encoding", 100, 50, 0, documents=3, tokens=6000, written=7_000_000, seconds=120.0))
        show(Progress("done"))
    assert stream.getvalue().splitlines() == [
        "encoding ...",
        "encoding: 50 %, 0.0 documents/s, 50 tokens/s, 7 MB written, 2 minutes left",
        "done",
        "encoding ...",
        "done",
    ]
