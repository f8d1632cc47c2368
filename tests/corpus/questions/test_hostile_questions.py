"""Question files that would hang a command, fill its memory or end it in another error than QuestionError."""

import gzip
import json
import os

import pytest

from densephrase.corpus.questions.reader import read_questions
from densephrase.errors import QuestionError

ROW = '{"question": "Who?", "answers": ["Ann"], "more": %s}\n'
SQUAD = '{"data": [{"paragraphs": [{"context": "x", "qas": [{"question": "Who?", "answers": [], "more": %s}]}]}]}'
FORMS = {"q.jsonl": ROW, "q.json": f"[{ROW}]", "squad.json": SQUAD}


def failure(path, **options):
    with pytest.raises(QuestionError) as caught:
        read_questions(path, **options)
    assert len(str(caught.value)) < 2_000
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("[" * 100_000 + "]" * 100_000, "nested too deeply", id="deep"),
        pytest.param("1" * 100_000, "digits", id="digits"),
        pytest.param("1e999", "too large", id="infinite"),
        pytest.param("NaN", "NaN", id="nan"),
    ],
)
@pytest.mark.parametrize("name", FORMS)
def test_json_that_python_cannot_hold(write, name, value, expected):
    assert expected in failure(write(name, FORMS[name] % value))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("name", ["q.jsonl", "q.json", "q.tsv", "q.json.gz"])
def test_a_named_pipe_does_not_wait_for_a_writer(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert "it is a named pipe; only regular files are read" in failure(tmp_path / name)


@pytest.mark.parametrize("name", ["none.jsonl", "x" * 300, "a\0b.json", "\udce9.tsv"], ids=repr)
def test_paths_that_cannot_be_read(tmp_path, name):
    assert "cannot be read" in failure(tmp_path / name)


@pytest.mark.parametrize("name", ["q.jsonl", "q.json", "squad.json"])
def test_a_row_may_have_so_many_bytes(write, name):
    path = write(name, FORMS[name] % json.dumps("x" * 100_000))
    assert "more than 50,000 bytes" in failure(path, document_bytes=50_000)
    assert len(read_questions(path, document_bytes=200_000)) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [("q.jsonl.gz", "more than 1,000 bytes"), ("q.json.gz", "200 times its size"), ("q.tsv.gz", "200 times its size")],
)
def test_a_bomb_is_refused(tmp_path, name, expected):
    (tmp_path / name).write_bytes(gzip.compress(b" " * 3_000_000))
    assert expected in failure(tmp_path / name, document_bytes=1_000)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        pytest.param("q.jsonl", b'{"question": "caf\xe9", "answers": []}\n', id="question"),
        pytest.param("q.jsonl", b'{"question": "Who?", "answers": ["caf\xe9"]}\n', id="answer"),
        pytest.param("q.jsonl", b'{"id": "caf\xe9", "question": "Who?", "answers": []}\n', id="id"),
        pytest.param("q.jsonl", b'{"title": "caf\xe9", "question": "Who?", "answers": []}\n', id="title"),
        pytest.param("q.json", b'[{"context": "caf\xe9", "question": "Who?", "answers": []}]', id="context"),
        pytest.param("q.tsv", b"who\t['caf\xe9']\n", id="tab"),
    ],
)
def test_text_that_is_not_utf8(write, name, raw):
    assert "the byte 0xE9, which is not UTF-8 here" in failure(write(name, raw))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("q.jsonl", '{"question": "\\ud800", "answers": []}', id="question"),
        pytest.param("q.jsonl", '{"question": "Who?", "answers": ["\\udfff"]}', id="answer"),
        pytest.param("q.jsonl", '{"id": "\\ud800", "question": "Who?", "answers": []}', id="id"),
        pytest.param("q.tsv", "who\t['\\ud800']", id="tab"),
    ],
)
def test_half_a_surrogate_pair_is_no_text(write, name, content):
    assert "half of a surrogate pair" in failure(write(name, content))


@pytest.mark.parametrize(
    "answers", ["[" * 100_000, "['" + "\\" * 100_001, "['a'" + ",'a'" * 100_000, "[" + " " * 10**6]
)
def test_a_list_of_answers_is_matched_in_linear_time(write, answers):
    assert "behind the tab, expected a list like" in failure(write("q.tsv", f"who\t{answers}\n"))
