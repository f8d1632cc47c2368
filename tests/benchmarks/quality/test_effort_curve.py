"""Fewer candidates over a small index, against searches that are told to look at so many."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.quality import effort
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan.effort import Effort
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import COMPACT, DEFAULTS


def test_a_row_for_each_form(
    small_index: Path, questions_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = DEFAULTS["hybrid"], COMPACT["hybrid"]
    options = ["--limit", "6", "--forms", "100/30/300/1", "1/1/10/0.5"]
    monkeypatch.setattr(sys, "argv", ["effort", str(small_index), str(questions_file), *options])
    effort.main()
    first, second = (row.split(" | ") for row in capsys.readouterr().out.splitlines()[-2:])
    assert first[:4] == ["| 100", "30", "300", "1.0"]
    assert second[:4] == ["| 1", "1", "10", "0.5"]
    assert "[" in second[5]
    assert (DEFAULTS["hybrid"], COMPACT["hybrid"]) == before


def test_searches_look_at_what_the_form_says(small_index: Path) -> None:
    with PhraseIndex.open(small_index) as index, effort.looking_at(effort.Form(3, 2, 50, 0.5)):
        chosen = index.searcher.plan(SearchOptions(top_k=1, evidence_spans=1)).effort
    assert isinstance(chosen, Effort)
    assert (chosen.starts, chosen.paragraphs, chosen.most_starts) == (3, 2, 50)


@pytest.mark.parametrize("form", ["100", "a/b/c/d", "1/2/3", "1/2/3/x"])
def test_other_forms_are_refused(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["effort", "index", "questions", "--forms", form])
    with pytest.raises(SystemExit):
        effort.main()
    assert "is not of the form 100/30/300" in capsys.readouterr().err
