"""How near the kernels of the search come to the speed of memory.

    python -m benchmarks.roofline [--index FOLDER] [--gigabytes 2] [--widths 64 208] [--k 1000] [--plot FILE]

Each kernel runs over memory-mapped int8 codes, larger than the caches, in the page cache, on one thread; bare reads of
the same bytes in the same order run in turn with it. There are several ways to merely read (streams, asking for lines
ahead); the best one counts. Codes are random, from a fixed seed, in a temporary file; or those of an index's inverted
lists. Rates are bytes of rows for each second, by the median of the runs.

A scan asks questions of 64 ranges of 1,000 to 4,000 rows in random places, and keeps k rows of each question. A batched
scan asks several questions of the same ranges, and its rows count once; the last column says how many times as fast it
is as a scan for each question. `gather_dots` gets 4,000 rows at a time, in random or ascending order.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import llvmlite
import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.roofline_cases import CASES, Case, Run
from densephrase.errors import MissingExtraError
from densephrase.index.index_reader import IndexReader

WIDTHS = (64, 96, 128, 192, 208)
SEED = 0
_COLUMNS = ("kernel", "columns", "GB/s", "bare read, GB/s", "share", "bare read by", "times one by one")


@dataclass(frozen=True, slots=True)
class Rates:
    """GB/s of a kernel, of the best bare read and how it reads, and of one question after the other."""

    kernel: float
    bare: float
    way: str
    apart: float | None


def main() -> None:
    """Print the table, row by row, and draw the plot."""
    options = _arguments()
    measured: list[tuple[Case, Rates]] = []
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        matrices = _matrices(options, Path(folder))
        print(_conditions(options, matrices[0]), end="\n\n")
        print(f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|")
        for codes in matrices:
            for name in options.kernels:
                for case in CASES[name](codes, options.k, np.random.default_rng(SEED)):
                    rates = measure(case, options.repeats)
                    measured.append((case, rates))
                    print(_row(case, rates), flush=True)
    if options.plot:
        plot(measured, Path(options.plot))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", help="read the codes of this index's inverted lists")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="size of the generated file")
    parser.add_argument("--folder", help="where it is written; a disk, not memory")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="columns of the generated codes")
    parser.add_argument("--kernels", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--k", type=int, default=1000, help="rows that a question keeps")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plot", metavar="FILE", help="shares of the bare read, png or svg")
    options = parser.parse_args()
    if any(width < 8 or width % 8 for width in options.widths):
        parser.error("--widths must be multiples of 8: bare reads are of 64-bit words")
    return options


def _matrices(options: argparse.Namespace, folder: Path) -> list[NDArray[np.int8]]:
    """Return memory-mapped codes, int8 [N, D] each, after reading them once."""
    if options.index:
        lists = IndexReader.open(options.index).lists
        if lists is None or lists.codes.shape[1] % 8:
            raise SystemExit(f"{options.index} has no inverted lists with a multiple of 8 columns; leave --index out.")
        matrices = [lists.codes]
    else:
        content = np.memmap(_random_file(folder / "codes", int(options.gigabytes * 2**30)), np.int8, "r")
        matrices = [content[: content.size // width * width].reshape(-1, width) for width in options.widths]
    matrices[0].sum(dtype=np.int64)  # all share one file: now it is in the page cache
    return [np.asarray(codes) for codes in matrices]


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
    return f"| {case.name} | {case.columns} | {rates.kernel:.1f} | {rates.bare:.1f} | {share} | {rates.way} | {gain} |"


def _conditions(options: argparse.Namespace, codes: NDArray[np.int8]) -> str:
    source = Path(options.index).name if options.index else f"random bytes of seed {SEED}"
    versions = f"numba {numba.__version__}, llvmlite {llvmlite.__version__}, numpy {np.__version__}"
    return (
        f"{_processor()}, 1 thread of {os.cpu_count()} cores; {versions}, Python {platform.python_version()}; "
        f"{codes.nbytes / 2**30:.2f} GiB of codes ({source}), memory-mapped, page cache warm; k = {options.k:,}; "
        f"median of {options.repeats}"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    widest = next((name for name in ("avx512_vnni", "avx512bw", "avx2") if name in flags), "")
    return " with ".join(filter(None, [next(iter(names), platform.processor() or platform.machine()), widest]))


def plot(measured: list[tuple[Case, Rates]], file: Path) -> None:
    """Draw what each kernel reaches beside the bare read of the same bytes."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "The plot", "benchmarks") from None
    figure = Figure(figsize=(9, 0.8 + 0.28 * len(measured)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(measured))
    axes.barh(places, [rates.bare for _, rates in measured], color="0.85", label="bare read")
    axes.barh(places, [rates.kernel for _, rates in measured], height=0.5, color="C0", label="kernel")
    axes.set_yticks(places, [f"{case.name}, {case.columns} columns" for case, _ in measured], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="GB/s, one thread")
    axes.grid(axis="x", alpha=0.3)
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
