"""Open evaluation: questions asked one by one over an index, each timed from its text to its answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from time import perf_counter

from densephrase.data import Answer, Question
from densephrase.evaluation.result import Result, score_answers

_WARM_UP = 5  # questions asked before the clock runs: kernels are compiled, files paged in, buffers allocated


def sample_questions(questions: Sequence[Question], limit: int | None, seed: int) -> list[Question]:
    """Return a random sample of at most `limit` questions, the same for equal seeds, in the order of the file."""
    if limit is None or limit >= len(questions):
        return list(questions)
    chosen = random.Random(seed).sample(range(len(questions)), limit)
    return [questions[number] for number in sorted(chosen)]


def evaluate_search(search: Callable[[str], Sequence[Answer]], questions: Sequence[Question]) -> Iterator[Result]:
    """Yield the result of each question; the first few are asked once before, without being timed."""
    for question in islice(questions, _WARM_UP):
        search(question.text)
    for question in questions:
        began = perf_counter()
        answers = search(question.text)
        yield score_answers(question, answers, perf_counter() - began)
