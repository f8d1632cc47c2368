"""Retrievers timed in turn on a few random passages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.retrieval import retrievers
from benchmarks.retrieval.retriever_data import random_data, read_data


def test_a_run_compares_flat_scans_lists_and_terms(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--passages", "400", "--size", "16", "--questions", "8", "--lists", "4", "--rounds", "1", "--top-k", "5"]
    monkeypatch.setattr(sys, "argv", ["retrievers", "random", *options, "--batches", "1", "4"])
    retrievers.main()
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows if row[0].startswith("| ours")] == ["| ours, flat", "| ours, lists", "| ours, BM25"]
    figures = {row[0]: float(row[2]) for row in rows if row[2].replace(".", "").isdigit()}
    assert len(figures) == 10
    assert min(figures.values()) > 0.85


def test_equal_rows_count_alike() -> None:
    exact = [np.array([0, 1, 2, 3])]
    assert retrievers.recall(np.array([[3, 1]]), exact) == 1.0
    assert retrievers.recall(np.array([[3, 9]]), exact) == 0.5
    assert retrievers.recall(np.array([[9, -1]]), [np.array([9])]) == 1.0


def test_a_folder_is_read(tmp_path: Path) -> None:
    data = random_data(20, 8, 3)
    for name in ("passages", "questions"):
        np.save(tmp_path / f"{name}.npy", getattr(data, name))
        texts = getattr(data, f"{name[:-1]}_texts")
        (tmp_path / f"{name}.json").write_text(json.dumps(texts), encoding="utf-8")
    read = read_data(tmp_path)
    assert (read.passages == data.passages).all()
    assert read.question_texts == data.question_texts
    (tmp_path / "questions.json").write_text("[]", encoding="utf-8")
    with pytest.raises(SystemExit, match="20 and 3 vectors, but 20 and 0 texts"):
        read_data(tmp_path)
