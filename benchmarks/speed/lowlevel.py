"""Gain of LLVM and numba's private parts: each against its plain form.

    python -m benchmarks lowlevel [--compile]

One process has the fast forms and one the plain ones. They are asked in turn, on the same data and warm, and have to
give the same results. `--compile` times a first answer too: `densephrase demo` in a new cache, once in each form, and
in the fast one without parts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.machine import machine
from densephrase.kernels.compile import kernel
from densephrase.kernels.gather import ROWS_AHEAD, gather_dots
from densephrase.kernels.lowlevel.entry_sums import Entries, Values, add_entries
from densephrase.kernels.lowlevel.rows import prefetch_row
from densephrase.kernels.mapped import rows_at
from densephrase.kernels.scan import scan

SWITCH = "DENSEPHRASE_PLAIN_KERNELS"
ROWS, COLUMNS, GROUPS, RANK = 1 << 21, 192, 36, 32
REPEATS = 7
_WITHOUT_PARTS = """
from densephrase.kernels.lowlevel import compiler
compiler.compile_linked = lambda function, folders, is_inlined=False: compiler.compile_kernel(function, folders)
"""
_DEMO = "from densephrase.cli.main import main; main(['demo', '--json'])"


@kernel
def read_all(codes: NDArray[np.int8], rows: NDArray[np.int64]) -> int:
    """Add up the codes of some rows, each of which is asked for beforehand."""
    total = 0
    for place in range(rows.size):
        prefetch_row(codes, rows[min(place + ROWS_AHEAD, rows.size - 1)], codes.shape[1])
        for column in range(codes.shape[1]):
            total += codes[rows[place], column]
    return total


@kernel
def add_all(codes: NDArray[np.int8], count: int, entries: Entries, values: Values, sums: NDArray[np.int64]) -> None:
    """Add up what the first rows stand for, column by column."""
    for row in range(count):
        add_entries(codes, row, entries, values)
        for column in range(values.size):
            sums[column] += values[column]


@kernel
def read_addresses(first: int, count: int) -> int:
    """Add up numbers that stand one behind another, each as an array of its own."""
    total = 0
    for place in range(count):
        total += rows_at(first + 8 * place, 1)[0]
    return total


class Data:
    """Random codes and what is asked of them, the same in every process."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.codes = random.integers(-128, 128, (ROWS, COLUMNS), np.int8)
        self.weights = random.integers(-2000, 2000, (2, COLUMNS)).astype(np.int16)
        self.rows = random.permutation(ROWS)[: ROWS // 8]
        self.entries = random.integers(-500, 500, (GROUPS, 256, RANK)).astype(np.int16)
        self.numbers = random.integers(0, 1000, ROWS // 2)


def scanned(data: Data) -> NDArray[Any]:
    """Scan a quarter of the rows."""
    scores, names = np.empty(1000, np.int32), np.empty(1000, np.int64)
    scan(
        codes=data.codes,
        ids=np.empty(0, np.int64),
        first_id=0,
        range_ptr=np.array([[0, ROWS // 4]]),
        weights=data.weights[0],
        best_scores=scores,
        best_ids=names,
        size=0,
    )
    return np.sort(scores)


def gathered(data: Data) -> NDArray[Any]:
    """Multiply random rows with a question."""
    dots = np.empty(data.rows.size, np.int64)
    gather_dots(data.codes, data.rows, data.weights, 8, dots)
    return dots


def read(data: Data) -> NDArray[Any]:
    """Read random rows."""
    return np.array([read_all(data.codes, data.rows)])


def added(data: Data) -> NDArray[Any]:
    """Add up entries."""
    sums = np.zeros(RANK, np.int64)
    add_all(data.codes, ROWS // 8, data.entries, np.empty(RANK, np.int16), sums)
    return sums


def pointed(data: Data) -> NDArray[Any]:
    """Make arrays of addresses."""
    return np.array([read_addresses(data.numbers.ctypes.data, data.numbers.size)])


CASES: dict[str, Callable[[Data], NDArray[Any]]] = {
    "scan: products of four rows": scanned,
    "gather_dots: products, prefetching": gathered,
    "prefetch_row: sums of random rows": read,
    "add_entries: sums of entries": added,
    "rows_at: an array at an address": pointed,
}


def serve() -> None:
    """Run the case whose name comes on stdin, and answer with its seconds and the sha256 of its result."""
    data = Data()
    for line in sys.stdin:
        began = perf_counter()
        result = CASES[line.rstrip("\n")](data)
        print(perf_counter() - began, hashlib.sha256(result.tobytes()).hexdigest(), flush=True)


def ask(process: subprocess.Popen[str], name: str) -> tuple[float, str]:
    """Return the seconds and the result of a case in one of the two processes."""
    assert process.stdin and process.stdout
    print(name, file=process.stdin, flush=True)
    seconds, result = process.stdout.readline().split()
    return float(seconds), result


def compare(name: str, fast: subprocess.Popen[str], plain: subprocess.Popen[str]) -> tuple[float, float]:
    """Return the median seconds of both forms of a case, asked in turn after one call of each; their results agree."""
    if ask(fast, name)[1] != ask(plain, name)[1]:
        raise SystemExit(f"{name}: the two forms give different results")
    seconds = [(ask(fast, name)[0], ask(plain, name)[0]) for _ in range(REPEATS)]
    return median(one for one, _ in seconds), median(other for _, other in seconds)


def first_answers(code: str, plain: str) -> tuple[float, float, int, int]:
    """Return the seconds of a demo in a new cache and again, and how many files and bytes the cache has then."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, SWITCH: plain, "DENSEPHRASE_NUMBA_CACHE": cache}
        seconds = []
        for _ in range(2):
            began = perf_counter()
            subprocess.run(
                [sys.executable, "-c", code],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            seconds.append(perf_counter() - began)
        files = [path.stat().st_size for path in Path(cache).rglob("*") if path.is_file()]
        return seconds[0], seconds[1], len(files), sum(files)


def print_pieces() -> None:
    """Print how fast each piece is in both forms."""
    print("| piece | fast, ms | plain, ms | times |\n|---|---|---|---|")
    command = [sys.executable, "-m", "benchmarks.speed.lowlevel", "--serve"]
    processes = [
        subprocess.Popen(
            command, env={**os.environ, SWITCH: plain}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for plain in "01"
    ]
    for name in CASES:
        fast, plain = compare(name, *processes)
        print(f"| {name} | {1000 * fast:.1f} | {1000 * plain:.1f} | {plain / fast:.1f} |")
    for process in processes:
        process.communicate()


def print_compiling() -> None:
    """Print what a first answer takes in each form, and the next one."""
    print("\n| form | first answer, s | again, s | files | MB |\n|---|---|---|---|---|")
    forms = (("fast", _DEMO, "0"), ("fast, without parts", _WITHOUT_PARTS + _DEMO, "0"), ("plain", _DEMO, "1"))
    for name, code, plain in forms:
        first, again, files, size = first_answers(code, plain)
        print(f"| {name} | {first:.1f} | {again:.1f} | {files} | {size / 1e6:.1f} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true", help="time first answers in new caches too")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    print(f"{machine('numba', 'llvmlite', 'numpy')}; one thread; median of {REPEATS} in turn\n")
    print_pieces()
    if arguments.compile:
        print_compiling()


if __name__ == "__main__":
    main()
