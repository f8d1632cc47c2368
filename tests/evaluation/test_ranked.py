"""Open evaluation: the sample, the warm-up and the order of questions."""

from __future__ import annotations

from time import sleep

import pytest

from densephrase.data import Answer, Question
from densephrase.evaluation.ranked import evaluate_search, sample_questions

QUESTIONS = [Question(str(number), f"question {number}", ("x",)) for number in range(50)]


@pytest.mark.parametrize("limit", [None, 50, 99], ids=["no limit", "exact", "more than there are"])
def test_everything_is_asked(limit: int | None) -> None:
    assert sample_questions(QUESTIONS, limit, seed=3) == QUESTIONS


def test_a_sample_is_fixed_by_its_seed_and_in_file_order() -> None:
    first, again, other = (sample_questions(QUESTIONS, 10, seed) for seed in (3, 3, 4))
    assert first == again != other
    assert [int(question.id) for question in first] == sorted({int(question.id) for question in first})
    assert len(first) == 10


def test_questions_are_asked_one_by_one_after_a_warm_up() -> None:
    asked: list[str] = []

    def search(question: str) -> list[Answer]:
        asked.append(question)
        return []

    results = list(evaluate_search(search, QUESTIONS[:7]))
    texts = [question.text for question in QUESTIONS[:7]]
    assert asked == texts[:5] + texts
    assert [result.question for result in results] == QUESTIONS[:7]
    assert all(result.seconds is not None and result.seconds >= 0 for result in results)
    assert all(result.paragraphs is None for result in results)


def test_paragraphs_are_asked_for_without_the_clock() -> None:
    asked: list[str] = []

    def search_paragraphs(question: str) -> list[Answer]:
        asked.append(question)
        sleep(0.02)
        return []

    results = list(evaluate_search(lambda _: [], QUESTIONS[:3], search_paragraphs))
    assert asked == [question.text for question in QUESTIONS[:3]]
    assert [result.paragraphs for result in results] == [0, 0, 0]
    assert all((result.seconds or 0) < 0.02 for result in results)
