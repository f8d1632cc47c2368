"""Retrievers timed in turn on a few random passages."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.retrieval import retrievers
from benchmarks.retrieval.retriever_data import index_data
from densephrase import Document, PassageIndex


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


def test_an_index_gives_its_vectors_and_texts(tmp_path: Path, tiny_passage_encoder_path: Path) -> None:
    documents = [Document(f"d{n}", f"the {place} was in the war", "city") for n, place in enumerate(("king", "queen"))]
    asked = [{"question": question, "answers": ["x"]} for question in ("where was the king", "a", "b")]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked), encoding="utf-8")
    with PassageIndex.build(documents, tmp_path / "index", encoder=tiny_passage_encoder_path) as index:
        expected = index.encoder.encode_questions(["where was the king", "a"])
    data = index_data(tmp_path / "index", tmp_path / "asked.jsonl", 2)
    assert data.passage_texts == ["city the king was in the war", "city the queen was in the war"]
    assert data.passages.shape == (2, 32)
    assert np.array_equal(data.questions, expected)
    assert (data.question_texts, data.language) == (["where was the king", "a"], "english")
    PassageIndex.build(documents, tmp_path / "terms", encoder=None).close()
    with pytest.raises(SystemExit, match="holds no vectors"):
        index_data(tmp_path / "terms", tmp_path / "asked.jsonl", 2)
