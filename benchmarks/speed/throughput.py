"""Questions per second against threads and batches.

    NUMBA_NUM_THREADS=4 python -m benchmarks throughput INDEX QUESTIONS [--limit 1000] [--threads 1 2 4]
        [--batches 1 16 64 256] [--plot FILE.svg]

Each number of threads opens the index anew and asks all questions of it, in lists of each size. All were asked once
before, so the page cache is warm.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.common.machine import machine
from benchmarks.common.plots import new_figure
from densephrase.corpus.questions.reader import read_questions
from densephrase.evaluation.ranked import sample_questions
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan.threads import check_threads

Rates = dict[tuple[int, int], float]  # questions per second by threads and size of a batch


def main() -> None:
    """Time everything that was asked for, print the table, draw the plot."""
    options = _arguments()
    questions = [item.text for item in sample_questions(read_questions(options.questions), options.limit, seed=0)]
    threads = options.threads or [count for count in (1, 2, 4, 8, 16) if count <= check_threads(None)]
    conditions = machine("numpy", "numba", "onnxruntime")
    print(f"{options.index.name}, {len(questions)} questions, {conditions}; warm page cache")
    rates = time_batches(options.index, questions, threads, options.batches)
    print_rates(rates, threads, options.batches)
    if options.plot:
        plot(options.plot, rates, threads, options.batches)


def time_batches(path: Path, questions: Sequence[str], threads: Sequence[int], batches: Sequence[int]) -> Rates:
    """Return questions per second for each number of threads and each size of a batch."""
    rates = {}
    with PhraseIndex.open(path) as index:
        index.search(questions)  # now the page cache holds what they read
    for count in threads:
        with PhraseIndex.open(path, threads=count) as index:
            for size in batches:
                index.search(list(questions[:size]))
                pieces = [list(questions[first : first + size]) for first in range(0, len(questions), size)]
                pieces = [piece for piece in pieces if len(piece) == size]
                began = perf_counter()
                for piece in pieces:
                    index.search(piece)
                rates[count, size] = size * len(pieces) / (perf_counter() - began)
    return rates


def print_rates(rates: Rates, threads: Sequence[int], batches: Sequence[int]) -> None:
    """Print questions per second, a row for each number of threads."""
    print("\n| questions/s | " + " | ".join(f"batches of {size}" for size in batches) + " |")
    print("|---|" + "---|" * len(batches))
    for count in threads:
        cells = " | ".join(f"{rates[count, size]:.0f}" for size in batches)
        print(f"| {count} thread{'s' * (count > 1)} | {cells} |")


def plot(path: Path, rates: Rates, threads: Sequence[int], batches: Sequence[int]) -> None:
    """Draw questions per second against threads."""
    figure = new_figure((6, 3.2))
    axes = figure.subplots()
    for size in batches:
        axes.plot(threads, [rates[count, size] for count in threads], marker="o", label=f"batches of {size}")
    axes.set(xlabel="threads", ylabel="questions/s", xticks=threads, ylim=(0, None))
    axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=1000, help="questions; no smaller than the largest batch")
    parser.add_argument("--threads", type=int, nargs="+", help="default: 1, 2, 4, ... up to NUMBA_NUM_THREADS")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    options = parser.parse_args()
    if max(options.batches) > options.limit:
        parser.error("--limit must be at least the largest of --batches")
    return options


if __name__ == "__main__":
    main()
