"""Seconds per question on one thread, step by step.

    python -m benchmarks latency INDEX QUESTIONS [--limit 1000] [--cold] [--plot FILE.svg]

The steps are those of `PhraseIndex.search` with its defaults, each timed by itself in the order in which a search
takes them: encode (the question's vectors), prepare (terms, integers), starts (lists, and the starts in them),
paragraphs (by BM25), score (full scores, best ends, the best spans), answer (phrases, groups, confidence, documents).
"all" is `search` as users call it, in a pass of its own over the same questions, all of which were asked once before.
Memory is that of this process beside the mapped files.

With --cold, 20 questions are asked again, each of an index that was closed, put out of the page cache and opened again;
the encoder stays in memory. What other processes have mapped of the index cannot be put out: the share that stayed is
printed, and a copy of the index that nobody else uses has none.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.common.machine import machine
from benchmarks.common.page_cache import evict, resident_share
from benchmarks.common.plots import new_figure
from densephrase.corpus.questions.reader import read_questions
from densephrase.evaluation.ranked import sample_questions
from densephrase.phrase_index import PhraseIndex
from densephrase.search.plan.options import SearchOptions
from densephrase.search.trace import trace_search

_COLD = 20


def main() -> None:
    """Time everything that was asked for and print it."""
    options = _arguments()
    questions = [item.text for item in sample_questions(read_questions(options.questions), options.limit, seed=0)]
    began = perf_counter()
    index = PhraseIndex.open(options.index, threads=1)
    opened = perf_counter() - began
    _ = index.encoder
    loaded = perf_counter() - began
    first = _seconds(index, questions[0])
    index.search(questions)  # now the page cache holds what they read
    taken = [trace_search(index.searcher, [text], SearchOptions()).seconds for text in questions]
    steps = {name: 1e3 * np.array([seconds[name] for seconds in taken]) for name in taken[0]}
    whole = np.array([_seconds(index, text) for text in questions]) * 1e3
    own, mapped = _memory("RssAnon"), _memory("RssFile")
    conditions = machine("numpy", "numba", "onnxruntime")
    print(f"{index.path.name}, {len(whole)} questions, one thread of {conditions}; warm page cache\n")
    print_steps(steps, whole)
    print(
        f"\nopened in {opened:.2f} s, with the encoder {loaded:.2f} s, first question after that {first:.2f} s; "
        f"{own} MiB beside {mapped} MiB of mapped files"
    )
    encoder = index.encoder
    index.close()
    if options.cold:
        print_cold(list(time_cold(options.index, encoder, questions[:_COLD])))
    if options.plot:
        plot(options.plot, steps)


def _seconds(index: PhraseIndex, text: str) -> float:
    began = perf_counter()
    index.search(text)
    return perf_counter() - began


class Cold(NamedTuple):
    """What opening an index and one question after that take, and the share of the index that the page cache kept.

    `seconds` and `read`, the bytes that the disk read for it, are those of opening and of the question.
    """

    seconds: tuple[float, float]
    read: tuple[int, int]
    resident: float


def time_cold(path: Path, encoder: Any, questions: Sequence[str]) -> Iterator[Cold]:
    """Yield the times of each question after the index was put out of the page cache and opened; nobody has it open."""
    for text in questions:
        evict(path)
        resident, began, before = resident_share(path), perf_counter(), _read_bytes()
        with PhraseIndex.open(path, threads=1) as index:
            opening, middle = perf_counter() - began, _read_bytes()
            vars(index)["encoder"] = encoder
            question = _seconds(index, text)
            yield Cold((opening, question), (middle - before, _read_bytes() - middle), resident)


def _read_bytes() -> int:
    """Return how many bytes this process made the disk read."""
    return 512 * resource.getrusage(resource.RUSAGE_SELF).ru_inblock


def print_steps(steps: dict[str, np.ndarray], whole: np.ndarray) -> None:
    """Print milliseconds of each step, of what is not encoding, and of all."""
    print("| step | p50 ms | p95 ms | p99 ms | mean ms |\n|---|---|---|---|---|")
    others = sum(values for name, values in steps.items() if name != "encode")
    rows = {**steps, "all but encode": others, "all": whole}
    for name, values in rows.items():
        quantiles = [np.quantile(values, share) for share in (0.5, 0.95, 0.99)]
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in (*quantiles, values.mean())) + " |")


def print_cold(measured: Sequence[Cold]) -> None:
    """Print milliseconds of opening and of the question after it."""
    print(f"\n| cold, {len(measured)} questions | p50 ms | least ms | most ms | MiB read |\n|---|---|---|---|---|")
    for name, part in (("opening", 0), ("first question after opening", 1)):
        values = [1e3 * row.seconds[part] for row in measured]
        read = np.median([row.read[part] for row in measured]) / 2**20
        print(f"| {name} | {np.median(values):.0f} | {min(values):.0f} | {max(values):.0f} | {read:.0f} |")
    print(f"\nAt most {max(row.resident for row in measured):.1%} of the index stayed in the page cache.")


def plot(path: Path, steps: dict[str, np.ndarray]) -> None:
    """Draw the steps of a question."""
    figure = new_figure((9, 1.8))
    axes = figure.subplots()
    begin = 0.0
    for name, values in steps.items():
        size = float(np.median(values))
        axes.barh([0], [size], left=begin, label=f"{name} {size:.2f}")
        begin += size
    axes.set(yticks=[], xlabel="ms a question (p50), one thread")
    figure.legend(fontsize=8, ncols=len(steps), loc="outside upper center")
    figure.savefig(path, metadata={"Date": None})


def _memory(name: str) -> int:
    """Return an entry of the process's status in MiB; the peak of all memory where there is no such file."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    entry = next(line for line in status.splitlines() if line.startswith(name + ":"))
    return int(entry.split()[1]) // 1024


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    return parser.parse_args()


if __name__ == "__main__":
    main()
