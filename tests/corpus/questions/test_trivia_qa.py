"""TriviaQA as its authors publish it, and as Hugging Face's rows have it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from densephrase.corpus.questions.reader import iterate_questions, read_questions
from densephrase.data import Question
from densephrase.errors import QuestionError

ROWS = [
    {
        "Answer": {
            "Aliases": ["Sunset Blvd", "West Sunset Boulevard", "Sunset Boulevard"],
            "MatchedWikiEntityName": "Sunset Boulevard",
            "NormalizedAliases": ["sunset boulevard", "sunset blvd"],
            "NormalizedValue": "sunset boulevard",
            "Type": "WikipediaEntity",
            "Value": "Sunset Boulevard",
        },
        "EntityPages": [{"DocSource": "TagMe", "Filename": "Andrew_Lloyd_Webber.txt", "Title": "Andrew Lloyd Webber"}],
        "Question": "Which Lloyd Webber musical premiered in the US on 10th December 1993?",
        "QuestionId": "tc_33",
        "QuestionSource": "http://www.triviacountry.com/",
    },
    {"Answer": {"Value": "Lewis"}, "Question": "Who was the next British Prime Minister?", "QuestionId": "tc_40"},
]
QUESTIONS = [
    Question(
        "tc_33",
        "Which Lloyd Webber musical premiered in the US on 10th December 1993?",
        ("Sunset Boulevard", "Sunset Blvd", "West Sunset Boulevard"),
        (-1, -1, -1),
    ),
    Question("tc_40", "Who was the next British Prime Minister?", ("Lewis",), (-1,)),
]


def wrapped(*rows: Any) -> str:
    """Write the file that holds some rows."""
    return json.dumps({"Data": rows, "Domain": "Web", "VerifiedEval": False, "Version": 1.0}, indent=4)


@pytest.mark.parametrize("name", ["web-dev.json", "web-dev.json.gz", "q.txt"])
def test_golden_file(write: Any, name: str) -> None:
    assert read_questions(write(name, wrapped(*ROWS))) == QUESTIONS


def test_rows_are_read_one_at_a_time(write: Any) -> None:
    questions = iterate_questions(write("q.json", wrapped(*ROWS)[:-60]))
    assert next(questions) == QUESTIONS[0]


@pytest.mark.parametrize("name", ["q.jsonl", "q.json"])
def test_rows_of_hugging_face(write: Any, name: str) -> None:
    rows = [
        {
            "question": row["Question"],
            "question_id": row["QuestionId"],
            "answer": {"value": row["Answer"]["Value"], "aliases": row["Answer"].get("Aliases")},  # type: ignore[index]
        }
        for row in ROWS
    ]
    content = json.dumps(rows) if name == "q.json" else "".join(f"{json.dumps(row)}\n" for row in rows)
    assert read_questions(write(name, content)) == QUESTIONS


def test_an_id_comes_before_a_question_id(write: Any) -> None:
    row = {"id": "a", "question_id": "b", "question": "Who?", "answers": []}
    assert [one.id for one in read_questions(write("q.jsonl", json.dumps(row)))] == ["a"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param(3, ["Data[1]: the entry is int"], id="number"),
        pytest.param({"QuestionId": "x"}, ["Data[1]: 'Question' is nothing"], id="no-question"),
        pytest.param(
            {"Question": "Who?", "QuestionId": "x"}, ["Data[1] (id 'x'): 'answers' is nothing"], id="test-set"
        ),
        pytest.param({"Question": "Who?", "Answer": ["Ann"]}, ["Data[1]: 'Answer' is list"], id="list"),
        pytest.param({"Question": "Who?", "Answer": {}}, ["(id '1'), 'answer': 'value' is nothing"], id="no-value"),
        pytest.param(
            {"Question": "Who?", "Answer": {"Value": "Ann", "Aliases": "Bob"}}, ["'aliases' is str"], id="text"
        ),
        pytest.param({"Question": "Who?", "Answer": {"Value": "A", "Aliases": [3]}}, ["answer is int"], id="number-in"),
        pytest.param({"Question": "Who?", "QuestionId": 1.5}, ["'id' is float"], id="fractional-id"),
    ],
)
def test_broken_rows(write: Any, row: Any, words: list[str]) -> None:
    path = write("q.json", wrapped(ROWS[0], row))
    with pytest.raises(QuestionError) as caught:
        read_questions(path)
    assert str(caught.value).startswith(f"{path}, line ")
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_file_that_is_cut_off(write: Any) -> None:
    with pytest.raises(QuestionError, match="invalid JSON"):
        read_questions(write("q.json", wrapped(*ROWS)[:-1]))
