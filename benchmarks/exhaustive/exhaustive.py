"""Loss of a search against exhaustive search of the same index: answers, best phrases, recall of its candidates.

    python -m benchmarks exhaustive INDEX QUESTIONS [--rows FILE] [--limit N] [--strategy hybrid] [--threads 1] [--json]

An exhaustive search scores every start of the index with its best end; `benchmarks.exhaustive.exact_search` gives the
same answers in a small part of the time, which is checked on the first `--check` questions. Printed are exact match of
both with a 95 % interval of what the search loses (paired bootstrap over questions), how many best answers differ, how
many of the exhaustive search's ten best phrases the search has among its own ten, and of the first `--recall` questions
recall@100 of the dense side: how many of the hundred starts with the largest products are among the candidates of
"dense-first".

Questions are asked in a random order, so that any number of them is a sample. `--rows` keeps a row for each in a file:
the same command goes on where it stopped, and a larger limit adds to what a smaller one found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.bootstrap import paired_difference
from benchmarks.common.kept_rows import KeptRows
from benchmarks.exhaustive.exact_search import ExactSearcher
from densephrase.corpus.questions.reader import read_questions
from densephrase.data import Answer, Question
from densephrase.encoder.encoded import QuestionVectors
from densephrase.index.format.manifest_file import MANIFEST_FILE
from densephrase.metrics import exact_match
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import Strategy
from densephrase.search.steps import SearchPlan
from densephrase.search.trace import chosen_rows

_SHOWN = 10
_BEST = 100
_EVERY = 2**31  # more than there are
_SEED = 0


def main() -> None:
    """Compare and print the figures."""
    options = _arguments()
    questions = read_questions(options.questions)
    order = np.random.default_rng(_SEED).permutation(len(questions))[: options.limit]
    with PhraseIndex.open(options.index, threads=options.threads) as index, _kept(options) as kept:
        searcher = ExactSearcher(index.reader, index.encoder, options.threads)
        _check(index, searcher, [questions[number].text for number in order[: options.check]])
        for first in range(len(kept.rows), len(order), options.together):
            part = [questions[number] for number in order[first : first + options.together]]
            recalled = part[: max(0, options.recall - first)]
            kept.add(_compare(index, searcher, part, options.strategy, recalled))
            print(f"{len(kept.rows):,} of {len(order):,} questions", file=sys.stderr, flush=True)
        report = _report(kept.rows[: len(order)], options.strategy)
    if options.json:
        print(json.dumps(report))
        return
    print(
        "\n".join(f"{name}: {value if isinstance(value, str) else round(value, 4)}" for name, value in report.items())
    )


def _kept(options: argparse.Namespace) -> KeptRows:
    """Return the rows so far of this index and these questions."""
    manifest = (Path(options.index) / MANIFEST_FILE).read_bytes()
    measured = {
        "index manifest": hashlib.sha256(manifest).hexdigest(),
        "questions": hashlib.sha256(Path(options.questions).read_bytes()).hexdigest(),
        "strategy": options.strategy,
    }
    return KeptRows(options.rows, measured)


def _check(index: PhraseIndex, searcher: ExactSearcher, texts: Sequence[str]) -> None:
    """End where answers are not those of a search that scores every start."""
    for text in texts:
        if searcher.search([text], SearchOptions(top_k=_SHOWN)) != [index.search(text, _SHOWN, exhaustive=True)]:
            raise SystemExit(f"The exact search does not answer {text!r} as the exhaustive one does.")


def _compare(
    index: PhraseIndex, searcher: ExactSearcher, asked: Sequence[Question], strategy: str, recalled: Sequence[Question]
) -> list[dict[str, Any]]:
    """Return a row for each question; recall is that of those which come first."""
    texts = [question.text for question in asked]
    began = perf_counter()
    exact = searcher.search(texts, SearchOptions(top_k=_SHOWN))
    middle = perf_counter()
    found = index.search(texts, _SHOWN, strategy)
    seconds = {"seconds exhaustive": middle - began, "seconds": perf_counter() - middle}
    recall = dense_recall(index, [question.text for question in recalled]) if recalled else []
    rows = [
        {**_row(question, *answers), **{name: value / len(asked) for name, value in seconds.items()}}
        for question, answers in zip(asked, zip(exact, found, strict=True), strict=True)
    ]
    for row, share in zip(rows, recall, strict=False):
        row["recall@100 of dense-first"] = share
    return rows


def _row(question: Question, exact: Sequence[Answer], found: Sequence[Answer]) -> dict[str, Any]:
    """Compare the answers to one question."""
    names = {answer.text for answer in exact}
    best = [answers[0].text if answers else None for answers in (exact, found)]
    right = [text is not None and exact_match(text, question.answers) for text in best]
    return {
        "id": question.id,
        "EM exhaustive": right[0],
        "EM": right[1],
        "same best answer": best[0] == best[1],
        "ten best phrases found": sum(answer.text in names for answer in found) / max(len(names), 1),
    }


def _report(rows: Sequence[dict[str, Any]], strategy: str) -> dict[str, Any]:
    """Return the means of all figures, and the interval of the difference."""
    figures: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if name != "id":
                figures.setdefault(name, []).append(float(value))
    lost = paired_difference(*(np.array(figures[name], dtype=bool) for name in ("EM exhaustive", "EM")))
    means = {name: float(np.mean(values)) for name, values in figures.items()}
    return {"questions": len(rows), "strategy": strategy, "EM lost": str(lost), **means}


def dense_recall(index: PhraseIndex, texts: list[str]) -> list[float]:
    """Return for each question how many of the hundred starts with the largest products "dense-first" proposes."""
    steps = index.searcher.steps
    vectors, plan = steps.encode(texts), steps.plan(SearchOptions(strategy="dense-first"))
    mine = _proposed(index, texts, vectors, plan)
    if index.reader.products is None:
        best = _best_codes(index, vectors)
    else:  # all lists, whose sums are exact
        everything = replace(plan.effort, starts=_BEST, probes=_EVERY, groups=_EVERY)
        best = _proposed(index, texts, vectors, replace(plan, effort=everything))
    return [len(np.intersect1d(rows, own)) / _BEST for rows, own in zip(best, mine, strict=True)]


def _proposed(
    index: PhraseIndex, texts: list[str], vectors: QuestionVectors, plan: SearchPlan
) -> list[NDArray[np.int64]]:
    """Return the start rows that the dense side proposes for each question."""
    steps = index.searcher.steps
    return chosen_rows(steps.starts(steps.prepare(texts, vectors, plan), vectors, plan))


def _best_codes(index: PhraseIndex, vectors: QuestionVectors) -> NDArray[np.int64]:
    """Return the rows of codes with the largest products, in no order, int64 [Q, at most 100]."""
    quantiser, size = index.encoder.start_quantiser, vectors.start.shape[1]
    scores = np.concatenate(
        [
            shard.start_codes[first : first + 65_536, :size].astype(np.float32)
            @ (vectors.start * quantiser.scale[:size]).T
            for shard in index.reader.shards
            for first in range(0, len(shard.start_codes), 65_536)
        ]
    )
    return np.argpartition(-scores, min(_BEST, len(scores) - 1), axis=0)[:_BEST].T


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--rows", type=Path, metavar="FILE", help="keep a row for each question there, and go on there")
    parser.add_argument("--limit", type=int, help="questions (default: all)")
    parser.add_argument("--strategy", default="hybrid", choices=get_args(Strategy))
    parser.add_argument("--together", type=int, default=32, help="questions at a time")
    parser.add_argument("--check", type=int, default=5, help="questions that every start is scored for")
    parser.add_argument("--recall", type=int, default=500, help="questions with a recall of the dense side")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
