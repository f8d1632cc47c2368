"""Exact match and milliseconds of hybrid search against its numbers of candidates.

    python -m benchmarks effort INDEX QUESTIONS [--held-out] [--limit 3000] [--forms 100/30/300/0.25 60/15/100/0.18 ...]

A form is dense starts / paragraphs / starts that get their ends / the share of the rule's lists that are looked into.
The first one is what the others are compared with: exact match of the first answer, with a 95 % interval of a paired
bootstrap over questions, and among the first ten; and the median time of a search for one answer on one thread, without
encoding the question, the forms in turn.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.bootstrap import paired_difference
from densephrase.confidence.model import SPANS
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Question
from densephrase.evaluation.ranked import sample_questions
from densephrase.metrics import exact_match
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan import strategies
from densephrase.search.plan.options import SearchOptions
from densephrase.training.data.holdout import split_by_title
from densephrase.training.phrase.config import TrainingConfig

_TIMED = 200  # questions
_SHOWN = 10
_FORMS = ["100/30/300/0.25", "60/20/100/0.25", "60/15/100/0.18", "60/15/100/0.125"]
_COLUMNS = ("starts", "paragraphs", "with ends", "lists", "EM", "lost [95 % interval]", "EM in first 10", "p50 ms")


class Form(NamedTuple):
    """What a search looks at."""

    starts: int
    paragraphs: int
    most_starts: int
    probed: float

    @classmethod
    def parse(cls, text: str) -> Form:
        """Read a form of the command line."""
        try:
            starts, paragraphs, with_ends, probed = text.split("/")
            return cls(int(starts), int(paragraphs), int(with_ends), float(probed))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not of the form 100/30/300/0.25") from None


def main() -> None:
    """Print the table, row by row."""
    options = _arguments()
    questions = read_questions(options.questions)
    if options.held_out:
        _, questions = split_by_title(questions, TrainingConfig().held_out_articles)
    asked = sample_questions(questions, options.limit, seed=0)
    with PhraseIndex.open(options.index, threads=1) as index:
        seconds = time_forms(index, asked[:_TIMED], options.forms)
        print(f"{index.path.name}, {len(asked)} questions\n")
        print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|")
        first: NDArray[np.bool_] | None = None
        for form, milliseconds in zip(options.forms, 1e3 * np.median(seconds, axis=1), strict=True):
            right, among = answered_right(index, asked, form)
            lost = "" if first is None else str(paired_difference(first, right))
            first = right if first is None else first
            figures = f"{100 * right.mean():.2f} | {lost} | {100 * among.mean():.2f} | {milliseconds:.2f}"
            print(f"| {' | '.join(map(str, form))} | {figures} |", flush=True)


@contextmanager
def looking_at(form: Form) -> Iterator[None]:
    """Let hybrid searches of indexes of both profiles look at so many candidates."""
    tables = [(table, table["hybrid"]) for table in (strategies.DEFAULTS, strategies.COMPACT)]
    for table, default in tables:
        table["hybrid"] = replace(default, **form._asdict())
    try:
        yield
    finally:
        for table, default in tables:
            table["hybrid"] = default


def answered_right(
    index: PhraseIndex, questions: Sequence[Question], form: Form
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell which questions have a first answer that matches a reference, and which one among ten, bool [questions]."""
    with looking_at(form):
        found = index.search([question.text for question in questions], top_k=_SHOWN)
    right = np.array(
        [
            [exact_match(answer.text, question.answers) for answer in answers] + [False] * (_SHOWN - len(answers))
            for answers, question in zip(found, questions, strict=True)
        ]
    )
    return right[:, 0], right.any(axis=1)


def time_forms(
    index: PhraseIndex, questions: Sequence[Question], forms: Sequence[Form], repeats: int = 3
) -> NDArray[np.float64]:
    """Return the least seconds that each form takes for each question, [forms, questions]."""
    searcher, options = index.searcher, SearchOptions()
    vectors = [searcher.steps.encode([question.text]) for question in questions]
    seconds = np.full((len(forms), len(questions)), np.inf)
    for _ in range(repeats + 1):
        for row, (question, vector) in enumerate(zip(questions, vectors, strict=True)):
            for place, form in enumerate(forms):
                with looking_at(form):
                    began = perf_counter()
                    searcher.spans([question.text], vector, searcher.plan(options), SPANS)
                    seconds[place, row] = min(seconds[place, row], perf_counter() - began)
    return seconds


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("questions")
    parser.add_argument("--held-out", action="store_true", help="only about articles that no training saw")
    parser.add_argument("--limit", type=int, default=3000, help="a random sample of so many questions")
    parser.add_argument("--forms", type=Form.parse, nargs="+", default=[*map(Form.parse, _FORMS)])
    return parser.parse_args()


if __name__ == "__main__":
    main()
