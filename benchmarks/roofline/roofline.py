"""Roofline (Williams et al. 2009) of the kernels of the search: bytes a second against bare reads of the same bytes.

    python -m benchmarks roofline [--index FOLDER] [--questions FILE] [--gigabytes 2] [--widths 64 208] [--k 1000]
        [--kernels NAME...] [--plot FILE]

Each kernel runs over memory-mapped columns in the page cache, on one thread; bare reads of the same bytes in the same
order run in turn with it. There are several ways to merely read (streams, asking for lines ahead); the best one counts.
Rates are bytes for each second, by the median of the runs.

Codes are random, from a fixed seed, in a temporary file larger than the caches; or those of an index's inverted lists.
A scan asks questions of 64 ranges of 1,000 to 4,000 rows in random places, or of 150 to 450, as lists of an index have
them, and keeps k rows of each question; so does `scan_look_ups`, which adds up table entries for bytes. A batched
scan asks several questions of the same ranges, and its rows count once; the last column says how many times as fast it
is as the plain way, a scan for each question. `gather_dots` gets 4,000 rows at a time, in random or ascending order.
`top_k` reads scores, which no search keeps in memory for long: nanoseconds a candidate are 8 over its GB/s.

Best ends, sparse rows and BM25 need an index and questions; `benchmarks/roofline/roofline_index.py` says what they read
of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.machine import machine
from benchmarks.common.plots import new_figure
from benchmarks.roofline.roofline_cases import CASES, Case, Run, SkippedError, top_k_cases
from benchmarks.roofline.roofline_index import INDEX_CASES, IndexCases
from densephrase.corpus.questions.reader import read_questions
from densephrase.evaluation.ranked import sample_questions
from densephrase.index.index_reader import IndexReader

WIDTHS = (64, 96, 128, 192, 208)
KERNELS = (*CASES, "top_k", *INDEX_CASES)
SEED = 0
_COLUMNS = ("kernel", "bytes a row", "GB/s", "bare read, GB/s", "share", "bare read by", "times plain")


@dataclass(frozen=True, slots=True)
class Rates:
    """GB/s of a kernel, of the best bare read and how it reads, and of doing it the plain way."""

    kernel: float
    bare: float
    way: str
    apart: float | None


def main() -> None:
    """Print the table, row by row, then what was left out, and draw the plot."""
    options = _arguments()
    measured: list[tuple[Case, Rates]] = []
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source, matrices = _codes(options, Path(folder))
        print(_conditions(options, source), end="\n\n")
        print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|")
        for name, cases in _cases(options, matrices):
            try:
                for case in cases:
                    rates = measure(case, options.repeats)
                    measured.append((case, rates))
                    print(_row(case, rates), flush=True)
            except SkippedError as reason:
                skipped.append(f"\nNot measured: {name} ({reason}).")
    print("".join(skipped))
    if options.plot:
        plot(measured, Path(options.plot))


def _cases(options: argparse.Namespace, matrices: list[NDArray[np.int8]]) -> Iterator[tuple[str, Iterator[Case]]]:
    """Yield the name of each kernel and its cases, which are made one after the other."""
    for codes in matrices:
        for name in filter(CASES.__contains__, options.kernels):
            yield name, CASES[name](codes, options.k, np.random.default_rng(SEED))
    if "top_k" in options.kernels:
        yield "top_k", top_k_cases(np.random.default_rng(SEED))
    names = [name for name in INDEX_CASES if name in options.kernels]
    if names and options.index and options.questions:
        questions = sample_questions(read_questions(options.questions), options.limit, seed=SEED)
        index = IndexCases(Path(options.index), [question.text for question in questions])
        yield from ((name, INDEX_CASES[name](index)) for name in names)
    else:
        yield from ((name, _skipped("it needs --index and --questions")) for name in names)


def _skipped(reason: str) -> Iterator[Case]:
    """Yield nothing, for a reason."""
    raise SkippedError(reason)
    yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", help="read what this index holds; without inverted lists, codes are generated")
    parser.add_argument("--questions", help="what is asked of the index")
    parser.add_argument("--limit", type=int, default=200, help="so many of them")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the generated file")
    parser.add_argument("--folder", help="where it is written; a disk, not memory")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="columns of the generated codes")
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=KERNELS)
    parser.add_argument("--k", type=int, default=1000, help="rows that a question keeps")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plot", metavar="FILE", help="shares of the bare read, png or svg")
    options = parser.parse_args()
    if any(width < 8 or width % 8 for width in options.widths):
        parser.error("--widths must be multiples of 8: bare reads are of 64-bit words")
    return options


def _codes(options: argparse.Namespace, folder: Path) -> tuple[str, list[NDArray[np.int8]]]:
    """Return what the codes are, and memory-mapped matrices of them, int8 [N, D] each, after reading them once."""
    lists = IndexReader.open(options.index).lists if options.index else None
    if lists is not None and not lists.codes.shape[1] % 8:
        source, matrices = f"the inverted lists of {Path(options.index).name}", [lists.codes]
    else:
        source = f"{options.gigabytes:g} GiB of random bytes, seed {SEED}"
        content = np.memmap(_random_file(folder / "codes", int(options.gigabytes * 2**30)), np.int8, "r")
        matrices = [content[: content.size // width * width].reshape(-1, width) for width in options.widths]
    matrices[0].sum(dtype=np.int64)  # all share one file: now it is in the page cache
    return source, [np.asarray(codes) for codes in matrices]


def _random_file(file: Path, size: int) -> Path:
    random, piece = np.random.default_rng(SEED), 1 << 26
    with file.open("wb") as output:
        for begin in range(0, size, piece):
            output.write(random.bytes(min(piece, size - begin)))
    return file


def measure(case: Case, repeats: int) -> Rates:
    """Run a kernel and all else that it is compared with in turn."""
    apart = {"apart": case.apart} if case.apart else {}
    runs: dict[str, Run] = {"kernel": case.run, **apart, **case.bare}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(repeats + 1):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if number:  # the first run compiles
                seconds[name].append(time.perf_counter() - began)
    rates = {name: case.bytes / float(np.median(times)) / 1e9 for name, times in seconds.items()}
    way = max(case.bare, key=lambda name: rates[name])
    return Rates(rates["kernel"], rates[way], way, rates.get("apart"))


def _row(case: Case, rates: Rates) -> str:
    gain = "" if rates.apart is None else f"{rates.kernel / rates.apart:.1f}"
    share = f"{rates.kernel / rates.bare:.0%}"
    rate = f"{rates.kernel:.2f} | {rates.bare:.2f}"
    return f"| {case.name} | {case.row_bytes} | {rate} | {share} | {rates.way} | {gain} |"


def _conditions(options: argparse.Namespace, source: str) -> str:
    return (
        f"{machine('numba', 'llvmlite', 'numpy')}; one thread; codes are {source}, memory-mapped, page cache warm; "
        f"k = {options.k:,}; median of {options.repeats}"
    )


def plot(measured: list[tuple[Case, Rates]], file: Path) -> None:
    """Draw what each kernel reaches beside the bare read of the same bytes."""
    figure = new_figure((9, 0.8 + 0.28 * len(measured)))
    axes = figure.subplots()
    places = np.arange(len(measured))
    axes.barh(places, [rates.bare for _, rates in measured], color="0.85", label="bare read")
    axes.barh(places, [rates.kernel for _, rates in measured], height=0.5, color="C0", label="kernel")
    axes.set_yticks(places, [f"{case.name}, {case.row_bytes} bytes a row" for case, _ in measured], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="GB/s, one thread")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(fontsize=8, ncols=2, loc="outside upper center")
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
