"""Search over inverted lists of the scale benchmark: exact, and timed through the lists."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.page_cache import evict
from densephrase.index.inverted_lists import InvertedLists
from densephrase.index.list_rule import choose_probed_groups
from densephrase.index.manifest import AnnRecord, Quantisation
from densephrase.kernels.scan import scan

BEST = 100
_BLOCK = 8_192  # rows that stay in the second-level cache while all questions are asked of them


@dataclass(frozen=True, slots=True)
class Point:
    """What one number of probes gives: times in seconds per question."""

    probes: int
    groups: int
    recall: float
    scanned: float
    coarse_p50: float
    p50: float
    p99: float


def open_lists(path: Path, record: AnnRecord, rows: int) -> InvertedLists:
    """Open a file of lists that belongs to no index."""
    return InvertedLists.open(path, record, rows, Quantisation("int8", record.dimensions, 0))


def exact_best(lists: InvertedLists, weights: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the rows with the BEST largest products of all, best first, int64 [Q, BEST]; weights int16 [Q, V]."""
    scores, ids = np.empty((len(weights), BEST), np.int32), np.empty((len(weights), BEST), np.int64)
    sizes = [0] * len(weights)
    for first in range(0, len(lists.codes), _BLOCK):
        block, names = lists.codes[first : first + _BLOCK], lists.ids[first : first + _BLOCK]
        everything = np.array([[0, len(block)]])
        for number, one in enumerate(weights):
            sizes[number] = scan(block, names, 0, everything, one, scores[number], ids[number], sizes[number])
    order = np.lexsort((ids, -scores.astype(np.int64)))
    return np.take_along_axis(ids, order, axis=1)


def search(
    lists: InvertedLists, weights: NDArray[np.int16], groups: int, probes: int
) -> tuple[NDArray[np.int64], int, float]:
    """Return the rows found (in no order), how many were scanned, and when the coarse step was done."""
    ranges = lists.probe(weights, groups, probes)
    middle = time.perf_counter()
    scores, ids = np.empty(BEST, np.int32), np.empty(BEST, np.int64)
    size = scan(lists.codes, lists.ids, 0, ranges, weights, scores, ids, 0)
    return ids[:size], int((ranges[:, 1] - ranges[:, 0]).sum()), middle


def measure(
    lists: InvertedLists, weights: NDArray[np.int16], exact: NDArray[np.int64], probes: int, repeats: int
) -> Point:
    """Ask all questions `1 + repeats` times: the first time for recall, then for time, of which each one's best counts.

    What else runs on a machine can only make a question slower.
    """
    groups = choose_probed_groups(len(lists.tree.group_codes))
    recalls, scanned = [], []
    coarse, times = np.empty((repeats, len(weights))), np.empty((repeats, len(weights)))
    for repeat in range(-1, repeats):
        for number, one in enumerate(weights):
            began = time.perf_counter()
            found, rows, middle = search(lists, one, groups, probes)
            ended = time.perf_counter()
            if repeat < 0:
                recalls.append(len(np.intersect1d(found, exact[number])) / BEST)
                scanned.append(rows)
            else:
                coarse[repeat, number], times[repeat, number] = middle - began, ended - began
    p50, p99 = np.percentile(times.min(0), (50, 99))
    means = float(np.mean(recalls)), float(np.mean(scanned))
    return Point(probes, groups, *means, float(np.median(coarse.min(0))), float(p50), float(p99))


def measure_cold(path: Path, record: AnnRecord, weights: NDArray[np.int16], rows: int, probes: int) -> list[float]:
    """Return seconds for each question where none of the lists' file lies in the page cache before it."""
    times = []
    for one in weights:
        lists = open_lists(path, record, rows)
        groups = choose_probed_groups(record.groups)
        evict(path)
        began = time.perf_counter()
        search(lists, one, groups, probes)
        times.append(time.perf_counter() - began)
        del lists
    return times


def warm(lists: InvertedLists) -> None:
    """Read all codes and numbers once."""
    for first in range(0, len(lists.codes), 1 << 20):
        lists.codes[first : first + (1 << 20)].max()
        lists.ids[first : first + (1 << 20)].max()
