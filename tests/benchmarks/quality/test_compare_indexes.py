"""Which questions an index answers right, and the table over several indexes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.quality.compare_indexes import answered_right, main
from densephrase import PhraseIndex
from densephrase.data import Question
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: PhraseEncoder) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    (folder / "corpus.jsonl").write_text(
        json.dumps({"id": "a", "text": "the king of the city was born in paris"}) + "\n"
    )
    PhraseIndex.build(folder / "corpus.jsonl", folder / "index", encoder=tiny_encoder)
    return folder / "index"


def test_right_is_the_first_answer_only(index_path: Path) -> None:
    with PhraseIndex.open(index_path) as index:
        first, second = index.search("who was born", top_k=2)
        asked = Question("1", "who was born", (first.text,))
        wrong = replace(asked, answers=(second.text,))
        assert answered_right(index, [asked, wrong, replace(asked, answers=("nobody here",))]).tolist() == [
            True,
            False,
            False,
        ]


def test_an_index_loses_nothing_against_itself(
    index_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with PhraseIndex.open(index_path) as index:
        best = index.search("who was born", top_k=1)[0].text
    lines = [
        {"id": str(n), "question": "who was born", "answers": [{"text": text}]} for n, text in enumerate((best, "x"))
    ]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setattr(sys, "argv", ["compare", str(tmp_path / "asked.jsonl"), str(index_path), str(index_path)])
    main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"| {index_path}")]
    assert [row.split("|")[3].strip() for row in rows] == ["50.00", "50.00"]
    assert rows[1].split("|")[4].strip() == "+0.00 [+0.00, +0.00]"
