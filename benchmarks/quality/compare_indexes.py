"""Exact match over several indexes of one corpus, paired: the cost in answers of the form of an index.

    python -m benchmarks compare_indexes QUESTIONS INDEX INDEX... [--held-out] [--limit N] [--threads N]

Each index is asked as `ask` does by default. What an index loses, against the first one, has a 95 % interval of a
paired bootstrap over questions. With `--held-out`, only training questions about articles that no training saw are
asked. `storage_curve --save` writes encoders to build indexes of other forms with.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.common.bootstrap import paired_difference
from densephrase import PhraseIndex
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Question
from densephrase.evaluation.ranked import sample_questions
from densephrase.metrics import exact_match
from densephrase.training.data.holdout import split_by_title
from densephrase.training.phrase.config import TrainingConfig


def main() -> None:
    """Print the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions")
    parser.add_argument("indexes", nargs="+", metavar="INDEX", help="the first one is what others are compared with")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--limit", type=int, help="a random sample of so many questions")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    questions = read_questions(options.questions)
    if options.held_out:
        _, questions = split_by_title(questions, TrainingConfig().held_out_articles)
    asked = sample_questions(questions, options.limit, 0)
    print(f"{len(asked)} questions\n\n| index | bytes/token | EM | lost [95 % interval] |\n|---|---|---|---|")
    first: NDArray[np.bool_] | None = None
    for path in options.indexes:
        with PhraseIndex.open(path) as index:
            right, size = answered_right(index, asked), index.info()["bytes_per_token"]
        lost = "" if first is None else str(paired_difference(first, right))
        first = right if first is None else first
        print(f"| {path} | {size:,.1f} | {100 * right.mean():.2f} | {lost} |", flush=True)


def answered_right(index: PhraseIndex, questions: Sequence[Question]) -> NDArray[np.bool_]:
    """Tell which questions have a first answer that matches a reference, bool [questions]."""
    found = (index.search(question.text, top_k=1) for question in questions)
    return np.array(
        [
            bool(best) and exact_match(best[0].text, question.answers)
            for best, question in zip(found, questions, strict=True)
        ]
    )


if __name__ == "__main__":
    main()
