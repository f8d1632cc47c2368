"""What a search misses: its answers and its candidates against those of an exhaustive search of the same index.

    python -m benchmarks.exhaustive INDEX QUESTIONS [--limit 500] [--strategy hybrid] [--json]

An exhaustive search scores every start of the index with its best end. Printed are exact match of both with a 95 %
interval of what the search loses (paired bootstrap over questions), how many best answers differ, how many of the
exhaustive search's ten best phrases the search has among its own ten, and recall@100 of the dense side: how many of the
hundred starts with the largest products are among the candidates of "dense-first".
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bootstrap import paired_difference
from densephrase.encoder.encoded import QuestionVectors
from densephrase.evaluation.ranked import sample_questions
from densephrase.metrics import exact_match
from densephrase.phrase_index import PhraseIndex
from densephrase.questions import read_questions
from densephrase.search.effort import Effort
from densephrase.search.exclusion import Exclusion
from densephrase.search.options import SearchOptions
from densephrase.search.threads import stages_on

_SHOWN = 10
_BEST = 100
_EVERY = 2**31  # more than there are


def main() -> None:
    """Compare and print the figures."""
    options = _arguments()
    questions = sample_questions(read_questions(options.questions), options.limit, seed=0)
    figures: dict[str, list[float]] = {}
    with PhraseIndex.open(options.index) as index:
        for first in range(0, len(questions), options.together):
            part = questions[first : first + options.together]
            texts = [question.text for question in part]
            began = perf_counter()
            exact = index.search(texts, top_k=_SHOWN, exhaustive=True)
            middle = perf_counter()
            found = index.search(texts, top_k=_SHOWN, strategy=options.strategy)
            seconds = (middle - began) / len(part), (perf_counter() - middle) / len(part)
            for question, all_answers, answers in zip(part, exact, found, strict=True):
                _add(figures, "EM exhaustive", exact_match(all_answers[0].text, question.answers))
                _add(figures, "EM", bool(answers) and exact_match(answers[0].text, question.answers))
                _add(figures, "same best answer", bool(answers) and answers[0].text == all_answers[0].text)
                names = {answer.text for answer in all_answers}
                shared = sum(answer.text in names for answer in answers)
                _add(figures, "ten best phrases found", shared / max(len(names), 1))
                _add(figures, "seconds exhaustive", seconds[0])
                _add(figures, "seconds", seconds[1])
            for recall in dense_recall(index, texts):
                _add(figures, "recall@100 of dense-first", recall)
    report = {name: float(np.mean(values)) for name, values in figures.items()}
    lost = paired_difference(*(np.array(figures[name], dtype=bool) for name in ("EM exhaustive", "EM")))
    report = {"questions": len(questions), "strategy": options.strategy, "EM lost": str(lost), **report}
    if options.json:
        print(json.dumps(report))
        return
    print(
        "\n".join(f"{name}: {value if isinstance(value, str) else round(value, 4)}" for name, value in report.items())
    )


def dense_recall(index: PhraseIndex, texts: list[str]) -> list[float]:
    """Return for each question how many of the hundred starts with the largest products "dense-first" proposes."""
    searcher, options = index._searcher, SearchOptions(strategy="dense-first")
    vectors = searcher._encoder.encode_questions(texts)
    effort = searcher._effort(options)
    mine = _proposed(index, texts, vectors, effort)
    if index._opened().products is None:
        best = _best_codes(index, vectors)
    else:  # all lists, whose sums are exact
        best = _proposed(index, texts, vectors, replace(effort, starts=_BEST, probes=_EVERY, groups=_EVERY))
    return [len(np.intersect1d(rows, own)) / _BEST for rows, own in zip(best, mine, strict=True)]


def _proposed(
    index: PhraseIndex, texts: list[str], vectors: QuestionVectors, effort: Effort
) -> list[NDArray[np.int64]]:
    """Return the start rows that the dense side proposes for each question."""
    searcher = index._searcher
    batch, excluded = searcher._prepare(texts, vectors, SearchOptions(), False), Exclusion.of(index._opened(), ())
    with stages_on(1, len(texts)) as stages:
        found = searcher._finder.starts(batch, vectors.start, effort, excluded, stages)
    return [rows[:count] for rows, count in zip(found.rows, found.found.tolist(), strict=True)]


def _best_codes(index: PhraseIndex, vectors: QuestionVectors) -> NDArray[np.int64]:
    """Return the rows of codes with the largest products, in no order, int64 [Q, at most 100]."""
    quantiser, size = index._searcher._encoder.start_quantiser, vectors.start.shape[1]
    scores = np.concatenate(
        [
            shard.start_codes[first : first + 65_536, :size].astype(np.float32)
            @ (vectors.start * quantiser.scale[:size]).T
            for shard in index._opened().shards
            for first in range(0, len(shard.start_codes), 65_536)
        ]
    )
    return np.argpartition(-scores, min(_BEST, len(scores) - 1), axis=0)[:_BEST].T


def _add(figures: dict[str, list[float]], name: str, value: float) -> None:
    figures.setdefault(name, []).append(float(value))


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--strategy", default="hybrid", choices=["hybrid", "dense-first", "sparse-first"])
    parser.add_argument("--together", type=int, default=20, help="questions at a time")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
