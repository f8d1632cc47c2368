"""Exhaustive search against hybrid search over a small index of either profile."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.exhaustive import exact_search, exhaustive
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan.effort import Effort
from tests.build_index.samples import random_documents, write_corpus

QUESTIONS = ["Paris Berlin?", "river?", "Who was born in Paris?"]


@pytest.fixture(scope="module", params=["default", "compact"])
def index_folder(request: pytest.FixtureRequest, small_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "default":
        return small_index
    folder = tmp_path_factory.mktemp("compact")
    corpus = write_corpus(folder / "docs.jsonl", random_documents(60))
    encoder = PhraseEncoder.from_pretrained(small_index.parent / "encoder", bf16=False)
    build(corpus, folder / "index", encoder=encoder, options=BuildOptions(profile="compact", flat_limit=0))
    return folder / "index"


def test_recall_is_that_of_the_lists_that_are_looked_into(index_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exhaustive, "_BEST", 20)
    with PhraseIndex.open(index_folder, threads=1) as index:
        chosen = Effort.choose
        lists = len(index.reader.lists.list_ptr) - 1  # type: ignore[union-attr]
        assert lists > 1
        monkeypatch.setattr(Effort, "choose", lambda *given: replace(chosen(*given), probes=lists, groups=lists))
        assert exhaustive.dense_recall(index, QUESTIONS) == [1.0] * len(QUESTIONS)
        monkeypatch.setattr(Effort, "choose", lambda *given: replace(chosen(*given), probes=1))
        assert 0 < np.mean(exhaustive.dense_recall(index, QUESTIONS)) < 1


def test_a_report_of_both(
    index_folder: Path, questions_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["exhaustive", str(index_folder), str(questions_file), "--limit", "6", "--json"])
    exhaustive.main()
    report = json.loads(capsys.readouterr().out)
    assert (report["questions"], report["strategy"]) == (6, "hybrid")
    assert 0 <= report["same best answer"] <= 1
    assert 0 < report["ten best phrases found"] <= 1
    assert report["seconds exhaustive"] > 0


def test_a_run_goes_on_where_it_stopped(
    index_folder: Path,
    questions_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def report(limit: int, rows: str) -> dict[str, object]:
        arguments = [str(index_folder), str(questions_file), "--json", "--together", "2", "--recall", "3"]
        kept = ["--rows", str(tmp_path / rows), "--limit", str(limit)]
        monkeypatch.setattr(sys, "argv", ["exhaustive", *arguments, *kept])
        exhaustive.main()
        return {key: value for key, value in json.loads(capsys.readouterr().out).items() if "seconds" not in key}

    report(3, "parts")
    kept = (tmp_path / "parts").read_bytes()
    (tmp_path / "parts").write_bytes(kept + kept[-20:-1])  # a row that was cut off
    assert report(8, "parts") == report(8, "at once")
    assert (tmp_path / "parts").read_bytes().startswith(kept)
    ids = [json.loads(line)["id"] for line in (tmp_path / "parts").read_text().splitlines()[1:]]
    assert len(set(ids)) == 8
    with pytest.raises(SystemExit, match="name another file"):
        monkeypatch.setattr(sys, "argv", [*sys.argv, "--strategy", "dense-first"])
        exhaustive.main()


def test_a_search_that_is_not_exact_is_noticed(
    index_folder: Path, questions_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_search.ExactSearcher, "search", lambda *_: [[]])
    monkeypatch.setattr(sys, "argv", ["exhaustive", str(index_folder), str(questions_file), "--limit", "2"])
    with pytest.raises(SystemExit, match="does not answer"):
        exhaustive.main()
