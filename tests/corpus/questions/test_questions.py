"""Question files: both forms, plain and gzipped, and where their errors are located."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from densephrase.corpus.questions.reader import iterate_questions, read_questions
from densephrase.data import Question
from densephrase.errors import QuestionError

CONTEXT = "Hamlet was written by William Shakespeare."


def squad(*questions: dict[str, Any], title: str = "William_Shakespeare") -> str:
    """Write one SQuAD article with one paragraph."""
    return json.dumps(
        {"version": "1.1", "data": [{"title": title, "paragraphs": [{"context": CONTEXT, "qas": questions}]}]}
    )


def lines(*rows: Any) -> str:
    """Write JSON lines."""
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def write(folder: Path, name: str, text: str) -> Path:
    """Write a question file, gzipped where its name says so."""
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


WHO = {"id": "q1", "question": "Who wrote Hamlet?", "answers": [{"text": "William Shakespeare", "answer_start": 22}]}


@pytest.mark.parametrize("name", ["q.json", "q.json.gz", "q.txt"])
def test_reads_squad_json(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, squad(WHO))
    expected = Question("q1", "Who wrote Hamlet?", ("William Shakespeare",), (22,), "William Shakespeare", CONTEXT)
    assert read_questions(path) == [expected]


@pytest.mark.parametrize("name", ["q.jsonl", "q.jsonl.gz", "q.ndjson", "q.json", "q.txt"])
def test_reads_json_lines(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, lines({"question": "Who?", "answers": ["Ann", {"text": "Bob"}]}) + "\n" + lines(WHO))
    assert read_questions(path) == [
        Question("1", "Who?", ("Ann", "Bob"), (-1, -1)),
        Question("q1", "Who wrote Hamlet?", ("William Shakespeare",), (22,)),
    ]


def test_reads_indented_squad_json_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path, "q.json", "\ufeff" + json.dumps(json.loads(squad(WHO)), indent=1))
    assert [question.id for question in read_questions(str(path))] == ["q1"]


def test_an_unanswerable_question_has_no_answers(tmp_path: Path) -> None:
    row = {"id": "q2", "question": "Who?", "is_impossible": True, "answers": [], "plausible_answers": [{"text": "Ann"}]}
    assert read_questions(write(tmp_path, "q.json", squad(row)))[0].answers == ()
    assert read_questions(write(tmp_path, "q.jsonl", lines(row)))[0].answers == ()


def test_offsets_are_code_points(tmp_path: Path) -> None:
    row = {"question": "Who?", "context": "\U0001f681 Ann", "answers": [{"text": "Ann", "answer_start": 2}]}
    assert read_questions(write(tmp_path, "q.jsonl", lines(row)))[0].answer_starts == (2,)


def test_lines_are_read_one_at_a_time(tmp_path: Path) -> None:
    questions = iterate_questions(write(tmp_path, "q.jsonl", lines(WHO) + "broken"))
    assert next(questions).id == "q1"
    with pytest.raises(QuestionError, match="line 2"):
        next(questions)


def test_an_empty_file_of_lines_holds_no_questions(tmp_path: Path) -> None:
    assert read_questions(write(tmp_path, "q.jsonl", "\n")) == []


# file name, content, what the message says
FAULTS = {
    "broken line": ("q.jsonl", lines(WHO) + "{", ["q.jsonl, line 2", "not JSON"]),
    "not an object": ("q.jsonl", "[1]", ["line 1", "list", "JSON object"]),
    "no question": ("q.jsonl", lines({"id": "x", "answers": []}), ["line 1", "'x'", "'question' is nothing"]),
    "question is a number": ("q.jsonl", lines({"question": 3, "answers": []}), ["'question' is int"]),
    "no answers": ("q.jsonl", lines({"question": "Who?"}), ["'answers' is nothing", "list"]),
    "answers is text": ("q.jsonl", lines({"question": "Who?", "answers": "Ann"}), ["'answers' is str"]),
    "answer is a number": ("q.jsonl", lines({"question": "Who?", "answers": [3]}), ["an answer is int"]),
    "answer without text": ("q.jsonl", lines({"question": "Who?", "answers": [{}]}), ["'text' is nothing"]),
    "offset is text": (
        "q.jsonl",
        lines({"question": "Who?", "answers": [{"text": "Ann", "answer_start": "2"}]}),
        ["answer_start", "'2'"],
    ),
    "offset is wrong": (
        "q.jsonl",
        lines({"id": 7, "question": "Who?", "context": CONTEXT, "answers": [{"text": "Hamlet", "answer_start": 1}]}),
        ["'7'", "'amlet '", "'Hamlet'", "code points"],
    ),
    "regex is text": (
        "q.jsonl",
        lines({"question": "Who?", "answers": ["A.*"], "regex": "yes"}),
        ["line 1", "'regex' is str", "true or false"],
    ),
    "half a surrogate pair": ("q.jsonl", '{"question": "\\ud800", "answers": []}', ["line 1", "surrogate"]),
    "broken json": ("q.json", '{"data": [', ["q.json", "invalid JSON"]),
    "other json": ("q.json", "{}", ["keys []", "a list 'data'"]),
    "data is not a list": ("q.json", '{"data": 3}', ["keys ['data']", "a list 'data'"]),
    "article without paragraphs": ("q.json", '{"data": [{"title": "T"}]}', ["data[0]", "'paragraphs'"]),
    "paragraph without context": (
        "q.json",
        '{"data": [{"paragraphs": [{"qas": []}]}]}',
        ["data[0].paragraphs[0]", "'context'"],
    ),
    "question of an article": (
        "q.json",
        squad(WHO, {"id": "q9"}),
        ["data[0].paragraphs[0].qas[1]", "'q9'", "'question'"],
    ),
}


@pytest.mark.parametrize(("name", "content", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_errors_say_what_and_where(tmp_path: Path, name: str, content: str, words: list[str]) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(QuestionError) as caught:
        read_questions(path)
    for word in words:
        assert word in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match=r"none\.jsonl: the file cannot be read \(No such file"):
        read_questions(tmp_path / "none.jsonl")


@pytest.mark.parametrize("name", ["q.json", "q.jsonl"])
def test_text_that_is_not_utf8(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b'{"question": "caf\xe9", "answers": []}\n')
    with pytest.raises(QuestionError, match="UTF-8"):
        read_questions(tmp_path / name)


@pytest.mark.parametrize("content", [b"plain text", gzip.compress(b"x" * 2000)[:-12]], ids=["not gzip", "cut short"])
def test_damaged_gzip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "q.jsonl.gz").write_bytes(content)
    with pytest.raises(QuestionError, match="gzip"):
        read_questions(tmp_path / "q.jsonl.gz")
