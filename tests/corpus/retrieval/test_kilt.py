"""KILT's provenance as judgements."""

from __future__ import annotations

import json
from typing import Any

import pytest

from densephrase.corpus.questions.reader import read_questions
from densephrase.corpus.retrieval.kilt import read_kilt_judgements
from densephrase.errors import QuestionError

ROWS: list[dict[str, Any]] = [
    {
        "id": "-5004457603684974952",
        "input": "who is playing the halftime show at super bowl 2016",
        "output": [
            {
                "answer": "Coldplay",
                "provenance": [
                    {"wikipedia_id": "45267196", "title": "Super Bowl 50 halftime show", "start_paragraph_id": 1},
                    {"wikipedia_id": 49728700, "title": "Super Bowl"},
                ],
            },
            {"answer": "Beyonc\u00e9", "provenance": [{"wikipedia_id": "45267196"}]},
            {"answer": "Bruno Mars"},
        ],
        "meta": {"mention": ""},
    },
    {"id": "none", "input": "who?", "output": [{"answer": "Ann"}]},
    {"input": "where?", "output": [{"provenance": [{"wikipedia_id": "7"}]}]},
]


def lines(*rows: Any) -> str:
    """Write JSON lines."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.mark.parametrize("name", ["nq-dev-kilt.jsonl", "nq-dev-kilt.jsonl.gz"])
def test_pages_of_all_outputs(write: Any, name: str) -> None:
    path = write(name, lines(*ROWS))
    judgements = read_kilt_judgements(path)
    assert judgements == {"-5004457603684974952": {"45267196": 1, "49728700": 1}, "3": {"7": 1}}
    assert [question.id for question in read_questions(path)] == ["-5004457603684974952", "none", "3"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        pytest.param({**ROWS[0]}, ["line 4: the id '-5004457603684974952' stands there twice"], id="twice"),
        pytest.param(
            {"input": "who?", "output": [{"provenance": [{"title": "T"}]}]},
            ["line 4, output[0].provenance[0]: 'wikipedia_id' is nothing"],
            id="no-page",
        ),
        pytest.param(
            {"input": "who?", "output": [{"provenance": {}}]}, ["output[0]: 'provenance' is dict"], id="object"
        ),
        pytest.param(
            {"input": "who?", "output": [{"provenance": [{"wikipedia_id": "\ud800"}]}]}, ["U+D800"], id="surrogate"
        ),
        pytest.param({"question": "who?", "answers": []}, ["line 4: 'output' is nothing"], id="another-form"),
    ],
)
def test_broken_rows(write: Any, row: Any, words: list[str]) -> None:
    path = write("kilt.jsonl", lines(*ROWS, row))
    with pytest.raises(QuestionError) as caught:
        read_kilt_judgements(path)
    assert str(caught.value).startswith(str(path))
    assert [word for word in words if word not in str(caught.value)] == []
