"""Seconds per question on one thread, step by step, and questions per second against threads and batches.

    python -m benchmarks.latency INDEX QUESTIONS [--limit 1000] [--threads 1 2 4] [--batches 1 16 64 256] [--cold]
        [--plot FILE.svg]

The steps are those of `PhraseIndex.search` with its defaults, each timed by itself in the order in which a search
takes them: encode (the question's vectors), prepare (terms, integers), dense (lists, and the starts in them), sparse
(paragraphs by BM25), rescore (full scores, best ends, the best spans), text (phrases, groups, confidence, documents).
"all" is `search` as users call it, in a pass of its own over the same questions. Memory is that of this process beside
the mapped files. With --cold each of 20 questions is asked once more after the index was put out of the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from densephrase.build_index.build_inputs import library_versions
from densephrase.evaluation.ranked import sample_questions
from densephrase.phrase_index import PhraseIndex
from densephrase.questions import read_questions
from densephrase.search.exclusion import Exclusion
from densephrase.search.options import SearchOptions
from densephrase.search.scoring import Scoring
from densephrase.search.searcher import Searcher
from densephrase.search.spans import new_span_table, question_spans
from densephrase.search.threads import stages_on

STEPS = ("encode", "prepare", "dense", "sparse", "rescore", "text")
_WARM_UP = 64  # questions that are not counted
_COLD = 20


def main() -> None:
    """Time everything that was asked for and print tables."""
    options = _arguments()
    questions = [
        item.text for item in sample_questions(read_questions(options.questions), options.limit + _WARM_UP, seed=0)
    ]
    began = perf_counter()
    index = PhraseIndex.open(options.index, threads=1)
    opened = perf_counter() - began
    _ = index.encoder
    loaded = perf_counter() - began
    steps = np.array([list(time_steps(index._searcher, text).values()) for text in questions])[_WARM_UP:] * 1e3
    whole = np.array([_seconds(index, text) for text in questions])[_WARM_UP:] * 1e3
    own, mapped = _memory("RssAnon"), _memory("RssFile")
    print(f"{index.path.name}, {len(whole)} questions, one thread, {_machine()}, warm page cache\n")
    print_steps(steps, whole)
    print(f"\nopened in {opened:.2f} s, with the encoder {loaded:.2f} s; {own} MiB beside {mapped} MiB of mapped files")
    if options.cold:
        print(f"\ncold: p50 {np.median(list(time_cold(index, questions[:_COLD]))) * 1e3:.0f} ms of {_COLD} questions")
    index.close()
    rates = time_batches(options.index, questions, options.threads, options.batches)
    print_rates(rates, options.threads, options.batches)
    if options.plot:
        plot(options.plot, steps, rates, options.threads, options.batches)


def time_steps(searcher: Searcher, text: str) -> dict[str, float]:
    """Return the seconds of each step of one question."""
    options, excluded = SearchOptions(), Exclusion.of(searcher._reader, ())
    clock = _Clock()
    vectors = searcher._encoder.encode_questions([text])
    clock.note("encode")
    scoring, effort = Scoring.choose(options, searcher._encoder.config), searcher._effort(options)
    batch = searcher._prepare([text], vectors, options, True)
    clock.note("prepare")
    with stages_on(1, 1) as stages:
        starts = searcher._finder.starts(batch, vectors.start, effort, excluded, stages)
        clock.note("dense")
        paragraphs = searcher._finder.paragraphs(batch, effort, scoring, excluded, stages)
        clock.note("sparse")
        tables, found = searcher._tables, new_span_table(1, options.evidence_spans)
        scale = scoring.for_kernels(searcher._tables.coherency, effort.most_starts)
        stages.score_candidates(
            starts, paragraphs, batch, tables.shards, tables.paragraphs, tables.documents, scale, found
        )
        clock.note("rescore")
    searcher._answer(text, vectors, options, excluded, question_spans(found, 0))
    clock.note("text")
    return clock.seconds


class _Clock:
    """Notes how long it is since the last note."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = perf_counter()

    def note(self, name: str) -> None:
        now = perf_counter()
        self.seconds[name], self._last = now - self._last, now


def _seconds(index: PhraseIndex, text: str) -> float:
    began = perf_counter()
    index.search(text)
    return perf_counter() - began


def time_cold(index: PhraseIndex, questions: Sequence[str]) -> Iterator[float]:
    """Yield the seconds of each question after the index's files were put out of the page cache."""
    for text in questions:
        for path in index.path.rglob("*"):
            if path.is_file():
                descriptor = os.open(path, os.O_RDONLY)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)
        again = PhraseIndex.open(index.path, threads=1)  # what this process has mapped stays in memory
        again.__dict__["encoder"] = index.encoder
        index.close()
        yield _seconds(again, text)
        index = again


def time_batches(
    path: Path, questions: Sequence[str], threads: Sequence[int], batches: Sequence[int]
) -> dict[tuple[int, int], float]:
    """Return questions per second for each number of threads and each size of a batch."""
    rates = {}
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


def print_steps(steps: np.ndarray, whole: np.ndarray) -> None:
    """Print milliseconds of each step, of what is not encoding, and of all."""
    print("| step | p50 ms | p95 ms | p99 ms | mean ms |\n|---|---|---|---|---|")
    rows = {name: steps[:, column] for column, name in enumerate(STEPS)}
    rows |= {"all but encode": steps[:, 1:].sum(1), "all": whole}
    for name, values in rows.items():
        quantiles = [np.quantile(values, share) for share in (0.5, 0.95, 0.99)]
        print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in (*quantiles, values.mean())) + " |")


def print_rates(rates: dict[tuple[int, int], float], threads: Sequence[int], batches: Sequence[int]) -> None:
    """Print questions per second, a row for each number of threads."""
    print("\n| questions/s | " + " | ".join(f"batches of {size}" for size in batches) + " |")
    print("|---|" + "---|" * len(batches))
    for count in threads:
        cells = " | ".join(f"{rates[count, size]:.0f}" for size in batches)
        print(f"| {count} thread{'s' * (count > 1)} | {cells} |")


def plot(
    path: Path,
    steps: np.ndarray,
    rates: dict[tuple[int, int], float],
    threads: Sequence[int],
    batches: Sequence[int],
) -> None:
    """Draw the steps of a question, and questions per second against threads."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "densephrase"
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    begin = 0.0
    for column, name in enumerate(STEPS):
        size = float(np.median(steps[:, column]))
        left.barh([0], [size], left=begin, label=f"{name} {size:.2f}")
        begin += size
    left.set(yticks=[], xlabel="ms a question (p50), one thread")
    left.legend(fontsize=7, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.25))
    for size in batches:
        right.plot(threads, [rates[count, size] for count in threads], marker="o", label=f"batches of {size}")
    right.set(xlabel="threads", ylabel="questions/s", xticks=threads, ylim=(0, None))
    right.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _memory(name: str) -> int:
    """Return an entry of the process's status in MiB; the peak of all memory where there is no such file."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    entry = next(line for line in status.splitlines() if line.startswith(name + ":"))
    return int(entry.split()[1]) // 1024


def _machine() -> str:
    versions = library_versions()
    kept = {name: versions[name] for name in ("python", "numpy") if name in versions}
    return f"{platform.processor() or platform.machine()}, {json.dumps(kept)}"


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    return parser.parse_args()


if __name__ == "__main__":
    main()
