"""Golden cases of DPR's match of answers in passages: each expectation is worked out by hand, and says why.

`has_answer.jsonl` holds one case a line, so that other programs can be held against it too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from densephrase.data import Question
from densephrase.evaluation.retrieval.passage_result import holds_answer
from tests.evaluation.retrieval.passages import whole

CASES = [json.loads(line) for line in Path(__file__).with_name("has_answer.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_golden_cases(case: dict[str, Any]) -> None:
    question = Question("q", "?", tuple(case["answers"]), is_pattern=case["regex"])
    assert holds_answer(question, whole("d", case["text"], title=" ".join(case["answers"]))) is case["found"], case[
        "why"
    ]


def test_the_cases_are_many_and_of_both_kinds() -> None:
    assert len({case["name"] for case in CASES}) == len(CASES) >= 40
    for regex in (False, True):
        assert {case["found"] for case in CASES if case["regex"] is regex} == {False, True}
