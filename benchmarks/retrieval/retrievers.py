"""Seconds and bytes a passage of our retrievers beside FAISS and bm25s: the same rows, one thread, in turn.

    NUMBA_NUM_THREADS=1 python -m benchmarks retrievers random|INDEX [--asked QUESTIONS]
        [--passages 20000] [--size 384] [--lists 128]
        [--questions 200] [--batches 1 32] [--rounds 5] [--top-k 100]

INDEX is a passage index, whose stored vectors, texts and analyser all retrievers get; QUESTIONS are asked of it.

Before anything is timed, answers are checked: recall@k of vectors against exact float32 products, of terms against BM25
of every passage added up posting by posting. FAISS's lists get the fewest probes with which they find as much as ours.
Times are processor seconds of the process, which another program on the machine lengthens little. Batches go to all
retrievers in turn; a ratio is the rival's time over ours, with its 95 per cent interval over resampled batches.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.machine import machine
from benchmarks.common.plain_terms import score_terms
from benchmarks.retrieval.retriever_data import RetrievalData, index_data, random_data
from benchmarks.retrieval.rival_retrievers import (
    Found,
    RivalRetriever,
    bm25s_retrievers,
    faiss_flat,
    faiss_lists,
    in_lists,
    our_terms,
    our_vectors,
    quantised,
)
from densephrase.terms.term_index import TermIndex

_RESAMPLES = 2000
_ROUNDING = 1e-6  # of float32 sums, as a share of them


def main() -> None:
    """Print a table for flat scans, one for inverted lists and one for terms."""
    import faiss

    options = _arguments()
    faiss.omp_set_num_threads(1)
    if options.source == "random":
        data = random_data(options.passages, options.size, options.questions)
    else:
        data = index_data(Path(options.source), Path(options.asked), options.questions)
    print(machine("numpy", "numba", "faiss-cpu", "bm25s") + ", one thread")
    print(f"{len(data.passages)} passages of {data.passages.shape[1]} dimensions, {len(data.questions)} questions\n")
    _compare_vectors(data, options)
    with TemporaryDirectory() as temporary:
        _compare_terms(data, Path(temporary), options)


def _compare_vectors(data: RetrievalData, options: argparse.Namespace) -> None:
    k, exact = options.top_k, exact_rows(data, options.top_k)
    rows = quantised(data.passages)
    flat = our_vectors("ours, flat", rows, data.questions, k)
    _compare("flat", [flat, *faiss_flat(data.passages, data.questions, k)], exact, options)
    listed = our_vectors("ours, lists", in_lists(rows, options.lists), data.questions, k)
    least = recall(listed.search(0, len(exact)), exact)
    rivals = faiss_lists(data.passages, data.questions, k, options.lists, lambda found: recall(found, exact) >= least)
    _compare("lists", [listed, *rivals], exact, options)


def _compare_terms(data: RetrievalData, folder: Path, options: argparse.Namespace) -> None:
    ours = our_terms(data, folder / "terms.h5", options.top_k)
    exact = exact_terms(TermIndex.open(folder / "terms.h5"), data.question_texts, options.top_k)
    _compare("terms", [ours, *bm25s_retrievers(data, folder / "bm25s", options.top_k)], exact, options)


def exact_rows(data: RetrievalData, k: int) -> list[Found]:
    """Return for each question the rows with the k largest float32 products."""
    return [_reaching(data.passages @ one, k) for one in data.questions]


def exact_terms(index: TermIndex, questions: Sequence[str], k: int) -> list[Found]:
    """Return for each question the passages with the k largest BM25, and those that equal the last of them."""
    terms = index.analyser.terms
    return [_reaching(score_terms(index, terms(question)).paragraph, k, above=0.0) for question in questions]


def _reaching(scores: NDArray[np.float32], k: int, above: float = -np.inf) -> Found:
    """Return the rows whose scores reach the k-th largest, but for rounding."""
    least = np.partition(scores, -k)[-k] if k < len(scores) else scores.min()
    found: Found = np.flatnonzero((scores >= least - _ROUNDING * abs(least)) & (scores > above))
    return found


def recall(found: Found, exact: Sequence[Found]) -> float:
    """Return the share of the best k rows that were found; any of equal ones will do."""
    k = found.shape[1]
    hits = sum(min(k, int(np.isin(best, mine).sum())) for mine, best in zip(found, exact, strict=True))
    return hits / sum(min(k, len(best)) for best in exact)


def _compare(
    title: str, retrievers: Sequence[RivalRetriever], exact: Sequence[Found], options: argparse.Namespace
) -> None:
    """Print a row for each retriever; the first is ours."""
    count = len(exact)
    recalls = [recall(one.search(0, count), exact) for one in retrievers]
    print(f"| {title} | bytes a passage | recall@{options.top_k} | " + _heads(options.batches))
    print("|---" * (3 + 2 * len(options.batches)) + "|")
    seconds = [measure([one.search for one in retrievers], count, size, options.rounds) for size in options.batches]
    for place, one in enumerate(retrievers):
        cells = [f"{one.name} | {one.passage_bytes:.0f} | {recalls[place]:.4f}"]
        for taken, size in zip(seconds, options.batches, strict=True):
            questions = taken.shape[1] * size
            cells += [f"{1e3 * taken[place].sum() / questions:.3f} ms", str(Ratio.of(taken[place], taken[0]))]
        print("| " + " | ".join(cells) + " |")
    print()


def _heads(batches: Sequence[int]) -> str:
    return " | ".join(f"a question, batches of {size} | over ours" for size in batches) + " |"


def measure(
    searches: Sequence[Callable[[int, int], Found]], questions: int, size: int, rounds: int
) -> NDArray[np.float64]:
    """Return the processor seconds of each batch, [searches, rounds * batches]; each goes to all searches in turn."""
    batches = [(first, first + size) for first in range(0, questions - size + 1, size)]
    for search in searches:
        search(*batches[0])
    seconds = np.empty((len(searches), rounds * len(batches)))
    for number in range(seconds.shape[1]):
        batch = batches[number % len(batches)]
        for turn in range(len(searches)):
            place = (turn + number) % len(searches)
            began = time.process_time()
            searches[place](*batch)
            seconds[place, number] = time.process_time() - began
    return seconds


class Ratio:
    """One side's seconds over the other's, batch by batch the same questions, with a 95 per cent interval."""

    def __init__(self, mean: float, low: float, high: float) -> None:
        self.mean, self.low, self.high = mean, low, high

    @classmethod
    def of(cls, theirs: NDArray[np.float64], ours: NDArray[np.float64]) -> Ratio:
        """Return the ratio of sums over batches [n], and its interval over resampled batches."""
        chosen = np.random.default_rng(0).integers(len(ours), size=(_RESAMPLES, len(ours)))
        ratios = theirs[chosen].sum(1) / ours[chosen].sum(1)
        return cls(float(theirs.sum() / ours.sum()), *np.quantile(ratios, [0.025, 0.975]).tolist())

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="'random', or a passage index")
    parser.add_argument("--asked", metavar="QUESTIONS", help="what is asked of the passage index")
    for name, default in (("passages", 20_000), ("size", 384), ("lists", 128), ("questions", 200), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--top-k", type=int, default=100)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    options = parser.parse_args()
    if options.questions < max(options.batches):
        parser.error(f"--questions {options.questions} is less than a batch of {max(options.batches)}")
    if options.source != "random" and not options.asked:
        parser.error("--asked QUESTIONS says what is asked of an index")
    return options


if __name__ == "__main__":
    main()
