"""The public class: build, open, search, info, close."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from densephrase import PhraseIndex
from densephrase.build_index.run.options import BuildOptions
from densephrase.build_keywords import BuildKeywords
from densephrase.data import Answer, Document
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import BuildError, IndexFormatError, SearchError
from densephrase.search.plan.options import SearchOptions
from densephrase.search.trace import trace_search
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


def test_a_copy_opens_the_index_again(index: PhraseIndex) -> None:
    other = copy.copy(index)  # as pickles do
    assert other.path == index.path and other._reader is not index._reader
    index.close()
    assert other.info()["documents"] == 2
    with pytest.raises(SearchError, match="closed"):
        copy.copy(index)


def test_answers_can_be_put_into_sets(index: PhraseIndex) -> None:
    first, second = (index.search("Who wrote Hamlet?", top_k=5) for _ in range(2))
    assert first == second
    assert set(first) == set(second) and len(set(first)) == len(first)
    plain = [Answer(tuple(answer.evidence), answer.confidence) for answer in first]
    assert set(plain) == set(first)
    assert (
        len({answer.document for answer in first} | {evidence for answer in first for evidence in answer.evidence}) > 1
    )


def test_documents_are_indexed_from_memory(corpus: Path, tmp_path: Path, index: PhraseIndex) -> None:
    documents = (Document(row["id"], row["text"], row["title"]) for row in DOCUMENTS)
    encoder: Any = FakeEncoder()
    with PhraseIndex.build(documents, tmp_path / "other", encoder=encoder) as other:
        assert other.search("Who wrote Hamlet?") == index.search("Who wrote Hamlet?")


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


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(["Hamlet?", 7], "Question 1 is 7; expected a string", id="number in a list"),
        pytest.param([["Hamlet?"]], r"Question 0 is \['Hamlet\?'\]; expected a string", id="list in a list"),
        pytest.param(["Hamlet?", None], "Question 1 is None; expected a string", id="None in a list"),
        pytest.param(None, "Question is None; expected a string or a sequence of strings", id="None"),
        pytest.param(b"Hamlet?", r"Question is b'Hamlet\?'; expected a string or a sequence of strings", id="bytes"),
        pytest.param(iter(["Hamlet?"]), "Question is <.*; expected a string or a sequence of strings", id="iterator"),
        pytest.param({"Hamlet?"}, "Question is .*; expected a string or a sequence of strings", id="set"),
        pytest.param("", "Question is empty", id="empty"),
        pytest.param(["Hamlet?", " \n"], "Question 1 is empty", id="blank in a list"),
        pytest.param("who \ud800 built it", r"Question is 'who \\ud800 built it', which holds U\+D800", id="surrogate"),
        pytest.param(["fine?", "bad \udcff"], r"Question 1 is 'bad \\udcff', which holds U\+DCFF", id="bad byte"),
    ],
)
def test_what_cannot_be_asked_is_named(asked: Any, expected: str, index: PhraseIndex) -> None:
    with pytest.raises(SearchError, match=expected):
        index.search(asked)


def test_strings_of_other_libraries_can_be_asked(index: PhraseIndex) -> None:
    assert index.search(np.str_("Who wrote Hamlet?")) == index.search("Who wrote Hamlet?")


def test_options_are_checked(index: PhraseIndex) -> None:
    with pytest.raises(SearchError, match="top_k is 0"):
        index.search("Hamlet?", top_k=0)
    with pytest.raises(SearchError, match="no search option 'topk'; there are strategy, unit, top_k"):
        index.search("Hamlet?", topk=3)  # type: ignore[call-overload]


@pytest.mark.parametrize("count", ["top_k", "evidence_spans", "dense_candidates", "paragraph_candidates", "probes"])
def test_any_count_may_be_larger_than_what_there_is(count: str, index: PhraseIndex) -> None:
    everything = index.search("Who wrote Hamlet?", exhaustive=True, top_k=1000, evidence_spans=1000)
    most: Any = {"top_k": 1000, "evidence_spans": 1000, count: 2**63}
    assert [answer.text for answer in index.search("Who wrote Hamlet?", **most)] == [one.text for one in everything]


def test_an_unknown_option_of_a_build_is_refused(corpus: Path, tmp_path: Path) -> None:
    encoder: Any = FakeEncoder()
    with pytest.raises(BuildError, match="no build option 'shards'; there are shard_characters, flat_limit"):
        PhraseIndex.build(corpus, tmp_path / "other", encoder=encoder, shards=3)  # type: ignore[call-arg]


def test_keywords_of_a_build_are_its_options() -> None:
    assert get_type_hints(BuildKeywords) == get_type_hints(BuildOptions)


def test_a_missing_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(IndexFormatError, match="nowhere"):
        PhraseIndex.open(tmp_path / "nowhere")


def test_a_search_can_be_taken_step_by_step(index: PhraseIndex) -> None:
    options = SearchOptions.of(top_k=2)
    trace = trace_search(index.searcher, ["Who wrote Hamlet?"], options)
    assert trace.answers == [index.search("Who wrote Hamlet?", top_k=2)]
    index.close()
    for part in ("reader", "searcher"):
        with pytest.raises(SearchError, match="closed"):
            getattr(index, part)
