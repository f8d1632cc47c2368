"""The public class: build, open, search, info, close."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from densephrase import PhraseIndex
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.errors import IndexFormatError, SearchError
from tests.search.fake_encoder import FakeEncoder

DOCUMENTS = [
    {"id": "hamlet", "title": "Hamlet", "text": "Hamlet was written by William Shakespeare.\n\nIt is a play."},
    {"id": "paris", "title": "Paris", "text": "Paris is the capital of France."},
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Return a corpus of two documents."""
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps(document) + "\n" for document in DOCUMENTS), encoding="utf-8")
    return path


@pytest.fixture
def index(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PhraseIndex:
    """Return an index of it whose encoder is a fake."""
    encoder: Any = FakeEncoder()
    monkeypatch.setattr(PhraseEncoder, "from_pretrained", lambda path, device, bf16: encoder)
    return PhraseIndex.build(corpus, tmp_path / "index", encoder=encoder)


def test_a_question_gives_a_list_of_answers(index: PhraseIndex) -> None:
    answers = index.search("Who wrote Hamlet?", top_k=3)
    assert len(answers) == 3
    for answer in answers:
        assert answer.document.text[answer.start : answer.end] == answer.text
        assert answer.text in answer.context


def test_questions_give_a_list_of_lists(index: PhraseIndex) -> None:
    questions = ("Who wrote Hamlet?", "Which city is the capital of France?")
    assert index.search(questions) == [index.search(question) for question in questions]
    assert index.search([]) == []


@pytest.mark.parametrize("strategy", ["hybrid", "dense-first", "sparse-first"])
@pytest.mark.parametrize("unit", ["phrase", "sentence", "paragraph", "document"])
def test_every_strategy_and_unit(strategy: Any, unit: Any, index: PhraseIndex) -> None:
    assert index.search("capital France", strategy=strategy, unit=unit, max_answer_tokens=2)


def test_an_index_is_found_again(index: PhraseIndex) -> None:
    expected = index.search("Hamlet?")
    with PhraseIndex.open(index.path) as again:
        again.warm_up()
        assert again.search("Hamlet?") == expected


def test_info_counts_documents_and_bytes(index: PhraseIndex) -> None:
    info = index.info()
    assert (info["documents"], info["paragraphs"], info["tokens"]) == (2, 3, 19)
    assert info["bytes"] == sum(info["bytes_by_component"].values())
    on_disk = sum(file.stat().st_size for file in index.path.rglob("*") if file.is_file())
    assert info["bytes"] == on_disk - (index.path / "manifest.json").stat().st_size
    assert info["bytes_per_token"] > 0
    json.dumps(info)


def test_info_loads_no_torch(index: PhraseIndex) -> None:
    code = (
        "import sys; from densephrase import PhraseIndex; "
        "PhraseIndex.open(sys.argv[1]).info(); sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code, str(index.path)], cwd=root, check=False).returncode == 0


def test_a_closed_index_says_so(index: PhraseIndex) -> None:
    [answer] = index.search("Hamlet?", top_k=1)
    index.close()
    index.close()
    assert repr(index) == "PhraseIndex(closed)"
    assert answer.text
    for call in (index.info, index.warm_up, lambda: index.search("Hamlet?")):
        with pytest.raises(SearchError, match="closed"):
            call()


def test_a_repr_says_what_it_is(index: PhraseIndex) -> None:
    assert repr(index).startswith(f"PhraseIndex({str(index.path)!r}, documents=2, starts=")


def test_questions_must_be_strings(index: PhraseIndex) -> None:
    with pytest.raises(SearchError, match="Question 1 is 7; expected a string"):
        index.search(["Hamlet?", 7])  # type: ignore[list-item]
    with pytest.raises(SearchError, match="Question is None; expected a string or a sequence of strings"):
        index.search(None)  # type: ignore[call-overload]


def test_options_are_checked(index: PhraseIndex) -> None:
    with pytest.raises(SearchError, match="top_k is 0"):
        index.search("Hamlet?", top_k=0)


def test_a_missing_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="nowhere"):
        PhraseIndex.open(tmp_path / "nowhere")
