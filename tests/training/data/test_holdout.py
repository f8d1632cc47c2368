"""Held-out articles: the same ones on every run and machine, and never part of training."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from densephrase.data import Question
from densephrase.errors import TrainingError
from densephrase.training.data.holdout import check_held_out, split_by_title


def make_questions(articles: int, paragraphs: int) -> list[Question]:
    return [
        Question(f"{article}-{paragraph}-{n}", "?", title=f"title {article}", context=f"{article} {paragraph}")
        for article in range(articles)
        for paragraph in range(paragraphs)
        for n in range(2)
    ]


def by_hash(titles: set[str]) -> list[str]:
    return sorted(titles, key=lambda title: hashlib.sha256(title.encode()).hexdigest())


@pytest.mark.parametrize("count", [0, 1, 3, 9], ids="{} articles".format)
def test_articles_of_the_smallest_hashes_are_held_out(count: int) -> None:
    questions = make_questions(7, 5)
    kept, held_out = split_by_title(questions, count)
    expected = set(by_hash({question.title for question in questions})[:count])
    assert {question.title for question in held_out} == expected
    assert [question for question in questions if question.title not in expected] == kept
    assert len(kept) + len(held_out) == len(questions)


def test_the_choice_does_not_hang_on_the_order() -> None:
    questions = make_questions(7, 5)
    held_out = {question.id for question in split_by_title(questions, 2)[1]}
    assert {question.id for question in split_by_title(questions[::-1], 2)[1]} == held_out


def test_other_articles_may_come_and_go() -> None:
    questions = make_questions(12, 5)
    first = by_hash({question.title for question in questions})[0]
    fewer = [question for question in questions if question.title == first or question.title < "title 4"]
    assert {question.title for question in split_by_title(fewer, 1)[1]} == {first}


@pytest.mark.parametrize(
    ("trained", "articles"),
    [({}, 40), ({"settings": {}}, 40), ({"settings": {"held_out_articles": 40}}, 10)],
    ids=["unknown", "not said", "enough"],
)
def test_articles_that_an_encoder_has_not_seen_may_be_held_out(trained: dict[str, Any], articles: int) -> None:
    assert check_held_out(trained, articles) is None  # what it finds, it raises


def test_articles_that_an_encoder_has_seen_are_not_held_out() -> None:
    with pytest.raises(TrainingError, match=r"held_out_articles=10: of 40 articles .* at most 10"):
        check_held_out({"settings": {"held_out_articles": 10}}, 40)


def test_single_paragraphs_are_no_articles() -> None:
    questions = make_questions(4, 4)
    assert split_by_title(questions, 4) == (questions, [])
