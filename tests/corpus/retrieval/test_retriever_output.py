"""Output of retrievers: read in the spellings of DPR and FiD, written so that both can read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.retrieval.context_passages import ContextPassage
from densephrase.corpus.retrieval.retriever_output import (
    RetrievedPassage,
    RetrievedQuestion,
    iterate_retrieved,
    write_retrieved,
)
from densephrase.data import Document, Passage, Question
from densephrase.errors import QuestionError

DPR = {
    "question": "who sings?",
    "answers": ["Linda Davis"],
    "ctxs": [
        {"id": "wiki:11828866", "title": "T", "text": "It is a song", "score": "81.25", "has_answer": True},
        {"id": "wiki:7", "title": "U", "text": "", "score": "-0.5", "has_answer": False},
    ],
}
FID = {
    "id": 5,
    "question": "who sings?",
    "target": "Linda",
    "answers": ["Linda Davis"],
    "ctxs": [{"id": "7", "title": "U", "text": "x", "score": 3, "hasanswer": True}, {"title": "V", "text": "y"}],
}
READ = [
    RetrievedQuestion(
        Question("0", "who sings?", ("Linda Davis",), (-1,)),
        (
            RetrievedPassage(ContextPassage("T", "It is a song", "wiki:11828866"), 81.25, True),
            RetrievedPassage(ContextPassage("U", "", "wiki:7"), -0.5, False),
        ),
    ),
    RetrievedQuestion(
        Question("5", "who sings?", ("Linda Davis",), (-1,)),
        (
            RetrievedPassage(ContextPassage("U", "x", "7"), 3.0, True),
            RetrievedPassage(ContextPassage("V", "y"), None, None),
        ),
    ),
]


@pytest.mark.parametrize("name", ["out.json", "out.json.gz"])
def test_golden_file(write: Any, name: str) -> None:
    assert list(iterate_retrieved(write(name, json.dumps([DPR, FID], indent=4)))) == READ


def test_lines_and_questions_alone(write: Any) -> None:
    path = write("out.jsonl", f"{json.dumps(FID)}\n")
    assert list(iterate_retrieved(path)) == READ[1:]
    assert read_questions(path) == [READ[1].question]


@pytest.mark.parametrize(
    ("context", "words"),
    [
        pytest.param(3, ["ctxs[1] is int"], id="number"),
        pytest.param({"title": "T"}, ["ctxs[1]: 'text' is nothing"], id="no-text"),
        pytest.param({"text": "x", "score": "high"}, ["ctxs[1]: 'score' is 'high', expected a number"], id="score"),
        pytest.param({"text": "x", "score": "nan"}, ["'score' is 'nan'"], id="nan"),
        pytest.param({"text": "x", "score": True}, ["'score' is 'True'"], id="boolean-score"),
        pytest.param({"text": "x", "score": [1]}, ["'score' is '[1]'"], id="list-score"),
        pytest.param({"text": "x", "has_answer": 1}, ["'has_answer' is int, expected true or false"], id="flag"),
        pytest.param({"text": "x", "hasanswer": "yes"}, ["'hasanswer' is str"], id="flag-of-FiD"),
    ],
)
def test_broken_passages(write: Any, context: Any, words: list[str]) -> None:
    path = write("out.json", f"[{json.dumps(DPR)},\n{json.dumps({**DPR, 'ctxs': [{'text': 'x'}, context]})}]")
    with pytest.raises(QuestionError) as caught:
        list(iterate_retrieved(path))
    assert str(caught.value).startswith(f"{path}, line 2, [1], ctxs[1]") or "ctxs[1] is" in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param({"question": "x", "answers": []}, ["'ctxs' is nothing", "a list 'ctxs'"], id="no-passages"),
        pytest.param({**DPR, "ctxs": {}}, ["'ctxs' is dict"], id="object"),
        pytest.param({"ctxs": []}, ["'question' is nothing"], id="no-question"),
    ],
)
def test_broken_rows(write: Any, row: Any, words: list[str]) -> None:
    path = write("out.json", json.dumps([row]))
    with pytest.raises(QuestionError) as caught:
        list(iterate_retrieved(path))
    assert str(caught.value).startswith(f"{path}, line 1, [0]")
    assert [word for word in words if word not in str(caught.value)] == []


PLAYS = Document("plays", "Hamlet is a play.\n\nSo is \u201cMacbeth\u201d.", "Plays")
FOUND = [Passage(PLAYS, 19, 34, 2.5), Passage(PLAYS, 0, 17, 1.0)]


def test_what_is_written(tmp_path: Path) -> None:
    asked = Question("q1", "Which play?", ("Macbeth", "Hamlet"), (-1, -1))
    assert write_retrieved(tmp_path / "out.json", [(asked, FOUND, [True, False])]) == 1
    assert json.loads((tmp_path / "out.json").read_text("utf-8")) == [
        {
            "id": "q1",
            "question": "Which play?",
            "answers": ["Macbeth", "Hamlet"],
            "ctxs": [
                {
                    "id": "plays:19-34",
                    "title": "Plays",
                    "text": "So is \u201cMacbeth\u201d",
                    "score": 2.5,
                    "has_answer": True,
                },
                {
                    "id": "plays:0-17",
                    "title": "Plays",
                    "text": "Hamlet is a play.",
                    "score": 1.0,
                    "has_answer": False,
                },
            ],
        }
    ]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PASSAGES = st.builds(
    lambda title, text, score: Passage(Document("d", text, title), 0, len(text), score),
    TEXTS,
    TEXTS,
    st.floats(allow_nan=False, allow_infinity=False),
)
QUESTIONS = st.builds(
    lambda identity, text, answers, is_pattern: Question(
        identity, text, tuple(answers), (-1,) * len(answers), is_pattern=is_pattern
    ),
    TEXTS,
    TEXTS.map("{}?".format),
    st.lists(st.from_regex("[a-z]{1,5}", fullmatch=True), max_size=3),
    st.booleans(),
)
ASKED = st.tuples(QUESTIONS, st.lists(st.tuples(PASSAGES, st.booleans()), max_size=3))


@given(st.lists(ASKED, max_size=3), st.sampled_from(["out.json", "out.json.gz"]))
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[Question, list[tuple[Passage, bool]]]], name: str
) -> None:
    path = tmp_path_factory.mktemp("out") / name
    rows = ((question, [one for one, _ in found], [flag for _, flag in found]) for question, found in asked)
    assert write_retrieved(path, rows) == len(asked)
    assert list(iterate_retrieved(path)) == [
        RetrievedQuestion(
            question,
            tuple(
                RetrievedPassage(ContextPassage(one.document.title, one.text, one.id), one.score, flag)
                for one, flag in found
            ),
        )
        for question, found in asked
    ]


def test_a_file_is_complete_or_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    asked = Question("q1", "Which play?")
    write_retrieved(path, [(asked, [], [])])
    old = path.read_bytes()

    def stops() -> Iterator[tuple[Question, Sequence[Passage], Sequence[bool]]]:
        yield asked, FOUND, [True, True]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_retrieved(path, stops())
    with pytest.raises(QuestionError, match="'q1' has 2 passages and 1 flags"):
        write_retrieved(path, [(asked, FOUND, [True])])
    with pytest.raises(ValueError, match="JSON"):
        write_retrieved(path, [(asked, [Passage(PLAYS, 0, 1, float("nan"))], [True])])
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]
