"""Cases of the roofline: each kernel with bare reads of the bytes that it reads.

A new kernel gets a function that yields its cases, and a line in `CASES`; one that reads more of an index than codes
belongs to `benchmarks.roofline.roofline_index`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.roofline.bare_reads import read_ranges, read_rows
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.product_quantisation import scan_look_ups
from densephrase.kernels.scan import scan
from densephrase.kernels.scan_batch import Asked, BestRows, scan_batch
from densephrase.kernels.selection import top_k

Codes = NDArray[np.int8]
Run = Callable[[], object]

PROBES = 64  # ranges of a question
ROWS = (1000, 4001)  # of a range
SHORT = (150, 451)  # of a list of an index
GATHERED = 4000  # rows at a time
BATCHES = (2, 8)
LARGEST = 3000  # weight: sums of a thousand columns fit into 32 bits
PASS = 1 << 30  # bytes that a run reads at most
STREAMS = (1, 2, 4, 8)
LINES_AHEAD = (0, 16, 32, 64)
ROWS_AHEAD = (0, 8, 16, 32, 64)
SELECTIONS = ((400, 100), (1300, 300))  # (n, k) of a search: rescored starts, and starts that get their ends
SCORES = 1 << 24  # that selections read in a run: more than caches hold of a core


class SkippedError(Exception):
    """A kernel cannot be measured over what is there; the message says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: a run of a kernel, the bytes of rows that it reads, and ways to merely read them.

    `apart` does the same in the plain way: for one question after the other, or reading everything.
    """

    name: str
    row_bytes: int
    bytes: int
    run: Run
    bare: dict[str, Run]
    apart: Run | None = None


def scan_cases(codes: Codes, k: int, random: np.random.Generator) -> Iterator[Case]:
    """Yield scans for one question after the other, of long and of short ranges."""
    weights, ids = _weights(codes, random, 1)[0], np.frombuffer(b"", np.int32)
    scores, names = np.empty(k, np.int32), np.empty(k, np.int64)
    for name, rows in (("scan", ROWS), ("scan of short ranges", SHORT)):
        questions = _questions(codes, random, rows)

        def run(questions: Any = questions) -> None:
            for ranges in questions:
                scan(codes, ids, 0, ranges, weights, best_scores=scores, best_ids=names, size=0)

        yield Case(name, codes.shape[1], _bytes(codes, questions), run, _bare_ranges(codes, questions))


def look_up_cases(codes: Codes, k: int, random: np.random.Generator) -> Iterator[Case]:
    """Yield a scan of product-quantised rows, which adds up an entry of a table for each byte."""
    questions, ids = _questions(codes, random, SHORT), np.arange(len(codes), dtype=np.int32)
    table = random.integers(-LARGEST, LARGEST, (codes.shape[1], 256)).astype(np.int32)
    scores, names, bases = np.empty(k, np.int32), np.empty(k, np.int64), np.zeros(PROBES, np.int64)

    def run() -> None:
        for ranges in questions:
            scan_look_ups(codes, ids, ranges, bases, table, best_scores=scores, best_ids=names)

    yield Case("scan_look_ups", codes.shape[1], _bytes(codes, questions), run, _bare_ranges(codes, questions))


def scan_batch_cases(codes: Codes, k: int, random: np.random.Generator) -> Iterator[Case]:
    """Yield scans for several questions at once."""
    groups, ids = _questions(codes, random), np.frombuffer(b"", np.int32)
    for batch in BATCHES:
        weights = _weights(codes, random, batch)
        asked = Asked(np.arange(PROBES + 1) * batch, np.tile(np.arange(batch), PROBES))
        scores, names = np.empty((batch, k), np.int32), np.empty((batch, k), np.int64)

        def run(weights: Any = weights, asked: Asked = asked, scores: Any = scores, names: Any = names) -> None:
            for ranges in groups:
                best = BestRows(scores, names, np.zeros(len(weights), np.int64))
                scan_batch(codes, ids, 0, ranges, asked=asked, weights=weights, best=best)

        def run_apart(weights: Any = weights, scores: Any = scores, names: Any = names) -> None:
            for question in range(len(weights)):
                for ranges in groups:
                    best = {"best_scores": scores[question], "best_ids": names[question]}
                    scan(codes, ids, 0, ranges, weights[question], **best, size=0)

        bare = _bare_ranges(codes, groups)
        yield Case(f"scan_batch of {batch}", codes.shape[1], _bytes(codes, groups), run, bare, run_apart)


def gather_cases(codes: Codes, k: int, random: np.random.Generator) -> Iterator[Case]:
    """Yield exact products of rows in random and in ascending order."""
    weights, dots = _weights(codes, random, 2), np.empty(GATHERED, np.int64)
    count = min(len(codes), PASS // codes.shape[1]) // GATHERED * GATHERED
    shuffled = random.permutation(len(codes))[:count].reshape(-1, GATHERED)
    words = codes.view(np.int64)
    for order, chosen in (("random", shuffled), ("ascending", np.sort(shuffled, axis=1))):

        def run(chosen: NDArray[np.int64] = chosen) -> None:
            for rows in chosen:
                gather_dots(codes, rows, weights, 9, dots)

        def read(ahead: int, chosen: NDArray[np.int64] = chosen) -> None:
            for rows in chosen:
                read_rows(codes, words, rows, ahead)

        bare = {f"asking {ahead} rows ahead": lambda ahead=ahead, read=read: read(ahead) for ahead in ROWS_AHEAD}
        yield Case(f"gather_dots, {order} rows", codes.shape[1], chosen.size * codes.shape[1], run, bare)


CASES: dict[str, Callable[[Codes, int, np.random.Generator], Iterator[Case]]] = {
    "scan": scan_cases,
    "scan_look_ups": look_up_cases,
    "scan_batch": scan_batch_cases,
    "gather_dots": gather_cases,
}


def top_k_cases(random: np.random.Generator) -> Iterator[Case]:
    """Yield selections of the best of some scores in random order, float64 as those of spans are."""
    for count, k in SELECTIONS:
        scores = random.standard_normal((SCORES // count, count))
        best, rows, everything = np.empty(k), np.empty(k, np.int64), np.array([[0, scores.nbytes // 64]])

        def run(scores: Any = scores, best: Any = best, rows: Any = rows) -> None:
            for row in scores:
                top_k(row, best, rows)

        yield Case(f"top_k, {k} of {count:,}", 8, scores.nbytes, run, _bare(scores.view(np.int8), [everything]))


def _weights(codes: Codes, random: np.random.Generator, count: int) -> NDArray[np.int16]:
    return random.integers(-LARGEST, LARGEST, (count, codes.shape[1])).astype(np.int16)


def _questions(codes: Codes, random: np.random.Generator, size: tuple[int, int] = ROWS) -> list[NDArray[np.int64]]:
    """Cut codes into ranges of some size and deal them out: each row belongs to one range of one question."""
    cuts = np.cumsum(random.integers(*size, 1 + len(codes) // size[0]))
    cuts = cuts[cuts < len(codes)]
    ranges = random.permutation(np.stack([cuts[:-1], cuts[1:]], axis=1))
    count = min(len(ranges), PASS // (codes.shape[1] * sum(size) // 2)) // PROBES
    if not count:
        raise SkippedError(f"{len(codes):,} rows are too few for a question of {PROBES} ranges; choose more gigabytes")
    return list(ranges[: count * PROBES].reshape(count, PROBES, 2))


def _bytes(codes: Codes, questions: list[NDArray[np.int64]]) -> int:
    return sum(int((ranges[:, 1] - ranges[:, 0]).sum()) for ranges in questions) * codes.shape[1]


def _bare_ranges(codes: Codes, questions: list[NDArray[np.int64]]) -> dict[str, Run]:
    """Return ways to read the cache lines of ranges of rows."""
    return _bare(codes, [ranges * codes.shape[1] // 64 for ranges in questions])


def _bare(codes: Codes, pieces: list[NDArray[np.int64]]) -> dict[str, Run]:
    """Return ways to read ranges of cache lines."""
    content = codes.reshape(-1)
    lines = content[: content.size // 64 * 64].reshape(-1, 64)
    words = lines.reshape(-1).view(np.int64)

    def read(streams: int, ahead: int) -> None:
        for ranges in pieces:
            read_ranges(lines, words, ranges, streams, ahead)

    return {
        f"{streams} streams" + (f", asking {ahead} lines ahead" if ahead else ""): (
            lambda streams=streams, ahead=ahead: read(streams, ahead)
        )
        for streams in STREAMS
        for ahead in LINES_AHEAD
    }
