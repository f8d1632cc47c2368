"""Training data of retrievers in DPR's form: golden and broken files."""

from __future__ import annotations

import json
import logging
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.retrieval.context_passages import ContextPassage
from densephrase.corpus.retrieval.examples import (
    RetrievalExample,
    holds_retrieval_examples,
    iterate_retrieval_examples,
    write_retrieval_examples,
)
from densephrase.errors import QuestionError

ROWS: list[dict[str, Any]] = [
    {
        "dataset": "nq_dev_psgs_w100",
        "question": "who sings does he love me with reba\u2019s",
        "answers": ["Linda Davis"],
        "positive_ctxs": [
            {
                "title": "Does He Love You",
                "text": '"Does He Love You" is a song',
                "score": 1000,
                "title_score": 1,
                "passage_id": "11828866",
            },
            {"title": "Linda Davis", "text": "She is best known\u2019s for it", "psg_id": 7},
        ],
        "negative_ctxs": [{"title": None, "text": "Cormac Kinney", "score": 0, "passage_id": "1"}],
        "hard_negative_ctxs": [{"text": "Why Don't They", "score": 14.2, "id": "x"}],
    },
    {"id": "q7", "question": "who?", "answers": [], "positive_ctxs": [{"title": "T", "text": "x"}]},
]
EXAMPLES = [
    RetrievalExample(
        "who sings does he love me with reba's",
        ("Linda Davis",),
        (
            ContextPassage("Does He Love You", '"Does He Love You" is a song', "11828866"),
            ContextPassage("Linda Davis", "She is best known\u2019s for it", "7"),
        ),
        (ContextPassage("", "Why Don't They", "x"),),
        (ContextPassage("", "Cormac Kinney", "1"),),
        "0",
    ),
    RetrievalExample("who?", (), (ContextPassage("T", "x"),), id="q7"),
]


@pytest.mark.parametrize("name", ["train.json", "train.json.gz"])
@pytest.mark.parametrize("indent", [None, 4])
def test_a_list(write: Any, caplog: pytest.LogCaptureFixture, name: str, indent: int | None) -> None:
    path = write(name, json.dumps(ROWS, indent=indent))
    with caplog.at_level(logging.WARNING):
        assert list(iterate_retrieval_examples(path)) == EXAMPLES
    assert caplog.records == []


def test_lines(write: Any) -> None:
    path = write("train.jsonl", "\n".join(map(json.dumps, ROWS)))
    examples = list(iterate_retrieval_examples(str(path)))
    assert [example.id for example in examples] == ["1", "q7"]
    assert [example.positives for example in examples] == [example.positives for example in EXAMPLES]


def test_rows_without_a_positive_are_left_out_and_counted(write: Any, caplog: pytest.LogCaptureFixture) -> None:
    blank = {"question": "who?", "answers": [], "positive_ctxs": [{"title": "T", "text": " "}]}
    none = {"question": "who?", "answers": [], "positive_ctxs": [], "negative_ctxs": [{"text": "x"}, {"text": ""}]}
    null = {"question": "who?", "answers": [], "positive_ctxs": None}
    path = write("train.jsonl", "\n".join(map(json.dumps, [ROWS[0], none, blank, null, ROWS[1]])))
    with caplog.at_level(logging.WARNING):
        assert len(list(iterate_retrieval_examples(path))) == 2
    [record] = caplog.records
    expected = "left out 3 rows without a positive passage and 2 passages without text, the first in"
    assert record.getMessage() == f"{path}: {expected} {path}, line 2"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param([], ["the entry is list"], id="list"),
        pytest.param({"answers": []}, ["'question' is nothing"], id="no-question"),
        pytest.param({"question": "who?", "positive_ctxs": []}, ["'answers' is nothing"], id="no-answers"),
        pytest.param(
            {"question": "who?", "answers": [], "ctxs": []},
            ["'positive_ctxs' is nothing; found the keys 'question', 'answers', 'ctxs'", "'hard_negative_ctxs'"],
            id="no-passages",
        ),
        pytest.param({**ROWS[1], "positive_ctxs": {}}, ["'positive_ctxs' is dict, expected a list"], id="object"),
        pytest.param({**ROWS[1], "negative_ctxs": ["x"]}, ["negative_ctxs[0] is str", "JSON object"], id="texts"),
        pytest.param(
            {**ROWS[1], "hard_negative_ctxs": [{"text": "x"}, {"title": "T"}]},
            ["hard_negative_ctxs[1]: 'text' is nothing"],
            id="no-text",
        ),
        pytest.param(
            {**ROWS[1], "positive_ctxs": [{"text": "x", "title": 3}]}, ["[0]: 'title' is int"], id="wrong-title"
        ),
        pytest.param(
            {**ROWS[1], "positive_ctxs": [{"text": "x", "psg_id": 1.5}]}, ["'psg_id' is float"], id="wrong-id"
        ),
        pytest.param({**ROWS[1], "positive_ctxs": [{"text": "\ud800"}]}, ["'text' holds U+D800"], id="surrogate"),
    ],
)
def test_broken_rows(write: Any, row: Any, words: list[str]) -> None:
    path = write("train.json", f"[{json.dumps(ROWS[1])},\n{json.dumps(row)}]")
    examples = iterate_retrieval_examples(path)
    assert next(examples) == EXAMPLES[1]
    with pytest.raises(QuestionError) as caught:
        next(examples)
    assert str(caught.value).startswith(f"{path}, line 2, [1]")
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        pytest.param("t.json", f"[{json.dumps(ROWS[1])}", ["line 1", "invalid JSON"], id="cut-off"),
        pytest.param("t.json", json.dumps(ROWS[1], indent=1), ["line 1: not JSON", "one JSON object a line"], id="one"),
        pytest.param("t.jsonl", b"caf\xe9", ["line 1: not JSON"], id="not-json"),
        pytest.param("t.json.gz", b"", ["gzip data ends too early"], id="cut-gzip"),
    ],
)
def test_broken_files(write: Any, tmp_path: Path, name: str, content: str | bytes, words: list[str]) -> None:
    path = tmp_path / name if content == b"" else write(name, content)
    if content == b"":
        path.write_bytes(b"")
    with pytest.raises(QuestionError) as caught:
        list(iterate_retrieval_examples(path))
    assert str(caught.value).startswith(str(path))
    assert [word for word in words if word not in str(caught.value)] == []


def test_one_row_is_in_memory_at_a_time(tmp_path: Path) -> None:
    passage = {"title": "T", "text": "x" * 2_000}
    row = json.dumps({"question": "who?", "answers": [], "positive_ctxs": [passage] * 10}, indent=1)
    path = tmp_path / "train.json"
    path.write_text(f"[{', '.join([row] * 1_000)}]", encoding="utf-8")
    tracemalloc.start()
    count = sum(1 for _ in iterate_retrieval_examples(path))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 1_000
    assert most < path.stat().st_size / 20


def test_a_row_may_have_so_many_bytes(write: Any) -> None:
    path = write("train.json", json.dumps(ROWS))
    with pytest.raises(QuestionError, match="more than 100 bytes"):
        list(iterate_retrieval_examples(path, document_bytes=100))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SOME = TEXTS.map(lambda text: f"{text}.".replace("\u2019", "'"))
PASSAGE = st.builds(ContextPassage, TEXTS, SOME, TEXTS)
PASSAGES = st.lists(PASSAGE, max_size=2).map(tuple)
MADE = st.builds(
    RetrievalExample,
    SOME,
    st.lists(SOME, max_size=2).map(tuple),
    st.lists(PASSAGE, min_size=1, max_size=2).map(tuple),
    PASSAGES,
    PASSAGES,
    TEXTS,
)


@given(st.lists(MADE, max_size=3), st.sampled_from(["train.json", "train.json.gz"]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, examples: list[RetrievalExample], name: str) -> None:
    path = tmp_path_factory.mktemp("dpr") / name
    assert write_retrieval_examples(path, iter(examples)) == len(examples)
    assert list(iterate_retrieval_examples(path)) == examples
    written = path.read_bytes()
    write_retrieval_examples(str(path), examples)
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('[{"question": "q", "answers": ["a"], "positive_ctxs": []}]', True),
        ('{"dataset": "nq", "question": "q", "negative_ctxs": [], "positive_ctxs": []}\n', True),
        ('{"data": [{"title": "t", "paragraphs": []}]}', False),
        ('{"question": "q", "answers": ["a"]}\n{"positive_ctxs": []}', False),
        ("[]", False),
        ("question\t['answer']", False),
        ("", False),
    ],
    ids=["a list", "a line", "SQuAD json", "questions", "an empty list", "a table", "an empty file"],
)
def test_data_in_dprs_form_is_told_by_its_first_row(content: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(content)
    assert holds_retrieval_examples(tmp_path / "train.json") is expected


def test_a_file_that_is_not_there_is_not_in_dprs_form(tmp_path: Path) -> None:
    assert not holds_retrieval_examples(tmp_path / "none.json")
