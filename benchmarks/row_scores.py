"""How long the score of a stored row takes: 8-bit products against look-ups of product-quantised rows.

    python -m benchmarks.row_scores [--rows 2000000]

One thread, warm, rows in order (a scan with a heap of 1,000) and at random (100,000 of them). Times are those of the
thread, so that a busy machine changes them little; the median of nine runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.gather import gather_dots
from densephrase.kernels.product_quantisation import gather_products, scan_look_ups
from densephrase.kernels.scan import scan

_ROW, _COLUMNS, _LOW_BITS = 208, 192, 12
_GROUPS = (24, 32, 48)
_CHOSEN, _BEST, _RUNS = 100_000, 1_000, 9
_NO_IDS = np.empty(0, np.int32)


def main() -> None:
    """Print nanoseconds a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    rows = parser.parse_args().rows
    random = np.random.default_rng(0)
    chosen = random.integers(0, rows, _CHOSEN)
    print("| row | bytes | in order, ns | at random, ns |\n|---|---|---|---|")
    print(f"| 8 bits, {_COLUMNS} columns | {_ROW} | {' | '.join(f'{ns:.0f}' for ns in _dots(rows, chosen, random))} |")
    for groups in _GROUPS:
        times = " | ".join(f"{ns:.0f}" for ns in _look_ups(rows, groups, chosen, random))
        print(f"| product-quantised | {groups} | {times} |", flush=True)


def _dots(rows: int, chosen: NDArray[np.int64], random: np.random.Generator) -> tuple[float, float]:
    """Return times of 8-bit rows: scans use one half of the weights, products of chosen rows both, as in search."""
    codes = random.integers(-127, 128, (rows, _ROW), np.int8)
    weights = random.integers(-9_000, 9_000, (2, _COLUMNS), np.int16)
    heap, products = _heap(), np.empty(_CHOSEN, np.int64)
    everything = np.array([[0, rows]])
    in_order = _nanoseconds(lambda: scan(codes, _NO_IDS, 0, everything, weights[0], *heap, size=0), rows)
    return in_order, _nanoseconds(lambda: gather_dots(codes, chosen, weights, _LOW_BITS, products), _CHOSEN)


def _look_ups(rows: int, groups: int, chosen: NDArray[np.int64], random: np.random.Generator) -> tuple[float, float]:
    """Return times of product-quantised rows, whose 32-bit sums are precise: one table serves both."""
    codes = random.integers(-128, 128, (rows, groups), np.int8)
    table = random.integers(-(2**31) // groups, 2**31 // groups, (groups, 256)).astype(np.int32)
    heap, sums, no_weights = _heap(), np.empty(_CHOSEN, np.int64), np.empty((2, 0), np.int16)
    everything, ids, bases = np.array([[0, rows]]), np.arange(rows, dtype=np.int32), np.zeros(1, np.int64)
    in_order = _nanoseconds(lambda: scan_look_ups(codes, ids, everything, bases, table, *heap), rows)
    return in_order, _nanoseconds(lambda: gather_products(codes, chosen, no_weights, 0, table, sums), _CHOSEN)


def _heap() -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    return np.empty(_BEST, np.int32), np.empty(_BEST, np.int64)


def _nanoseconds(run: Callable[[], object], rows: int) -> float:
    run()
    times = []
    for _ in range(_RUNS):
        begun = time.thread_time_ns()
        run()
        times.append(time.thread_time_ns() - begun)
    return float(np.median(times)) / rows


if __name__ == "__main__":
    main()
