"""Kinds of wrong answers, on answers made by hand."""

from __future__ import annotations

import pytest

from benchmarks.quality.wrong_answers import KINDS, describe, find_wrong, table
from densephrase.data import Answer, Document, Evidence, Question, ScoreParts

PARAGRAPH = "Ada Lovelace met Charles Babbage in June 1833."
OTHER = "In June 1833 nobody met Ada."
QUESTION = Question("1", "When did they meet?", ("June 1833",), (36,), "Ada", PARAGRAPH)


def answer(phrase: str, paragraph: str = PARAGRAPH) -> Answer:
    start = paragraph.index(phrase)
    document = Document("d", paragraph, "Ada")
    evidence = Evidence(document, start, start + len(phrase), 0, len(paragraph), 1.0, ScoreParts(1, 0, 0, 0, 0))
    return Answer((evidence,))


@pytest.mark.parametrize(
    ("answers", "kind", "rank"),
    [
        ([answer("1833"), answer("June 1833")], KINDS[0], 2),
        ([answer("Ada Lovelace")], KINDS[1], None),
        ([answer("In June 1833 nobody", OTHER)], KINDS[2], None),
        ([answer("nobody", OTHER), answer("Ada"), answer("June 1833", OTHER)], KINDS[3], 3),
        ([], KINDS[4], None),
    ],
    ids=KINDS,
)
def test_each_kind_is_told_from_the_others(answers: list[Answer], kind: str, rank: int | None) -> None:
    [wrong] = find_wrong(lambda _: answers, [QUESTION])
    assert (wrong.kind, wrong.right_rank) == (kind, rank)
    text = describe(wrong)
    assert "Ada Lovelace met Charles Babbage in [[June 1833]]." in text
    assert all(f"[[{item.text}]]" in text for item in answers[:1])


def test_right_answers_are_not_counted() -> None:
    given = {"a": [answer("June 1833", OTHER)], "b": [answer("1833")]}
    questions = [Question(name, name, QUESTION.answers, QUESTION.answer_starts, "", PARAGRAPH) for name in given]
    wrong = find_wrong(given.__getitem__, questions)
    assert [item.question.id for item in wrong] == ["b"]
    assert table(wrong, 2)[0] == "1 of 2 best answers are no exact match."
    assert table(wrong, 2)[-1] == f"| {KINDS[0]} | 100.0% | 0.0% |"
