"""Open evaluation: questions asked one by one over an index, each timed from its text to its answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from time import perf_counter
from typing import TypeVar

from densephrase.data import Answer, Question
from densephrase.evaluation.result import Result, score_answers

WARM_UP = 5  # questions asked before the clock runs: kernels are compiled, files paged in, buffers allocated

_Found = TypeVar("_Found")


def sample_questions(questions: Sequence[Question], limit: int | None, seed: int) -> list[Question]:
    """Return a random sample of at most `limit` questions, the same for equal seeds, in the order of the file."""
    if limit is None or limit >= len(questions):
        return list(questions)
    chosen = random.Random(seed).sample(range(len(questions)), limit)
    return [questions[number] for number in sorted(chosen)]


def evaluate_search(
    search: Callable[[str], Sequence[Answer]],
    questions: Sequence[Question],
    search_paragraphs: Callable[[str], Sequence[Answer]] | None = None,
) -> Iterator[Result]:
    """Yield the result of each question; the first few are asked once before, without being timed.

    search_paragraphs: the same search with `unit="paragraph"`, which is not timed.
    """
    for question, answers, seconds in ask_one_by_one(search, questions):
        paragraphs = None if search_paragraphs is None else search_paragraphs(question.text)
        yield score_answers(question, answers, seconds, paragraphs)


def ask_one_by_one(
    search: Callable[[str], _Found], questions: Sequence[Question]
) -> Iterator[tuple[Question, _Found, float]]:
    """Yield each question, what a search of it alone finds, and the seconds; the first few are asked once before."""
    for question in islice(questions, WARM_UP):
        search(question.text)
    for question in questions:
        began = perf_counter()
        found = search(question.text)
        yield question, found, perf_counter() - began
