"""Search over inverted lists of the scale benchmark: exact, and timed through the lists."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.page_cache import evict
from benchmarks.scale.scale_lists import PlanedLists
from densephrase.index.format.index_parts import AnnRecord
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.lists.list_rule import choose_probed_groups
from densephrase.kernels.coarse import best_lists
from densephrase.kernels.compile import kernel
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.scan import scan
from densephrase.kernels.selection import top_k

BEST = 100
_RESCORED_OF_A_MILLION = 400  # rows with the largest products of the scanned dimensions get their exact ones
_RESCORED_POWER = 0.15
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


def exact_best(lists: PlanedLists, weights: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the rows with the BEST largest products of all, best first, int64 [Q, BEST]; weights int16 [Q, V]."""
    scores, ids = np.empty((len(weights), BEST), np.int32), np.empty((len(weights), BEST), np.int64)
    sizes = [0] * len(weights)
    for first, block in lists.blocks(_BLOCK):
        names = lists.inverted.ids[first : first + _BLOCK]
        everything = np.array([[0, len(block)]])
        for number, one in enumerate(weights):
            best = {"best_scores": scores[number], "best_ids": ids[number]}
            sizes[number] = scan(block, names, 0, everything, one, **best, size=sizes[number])
    order = np.lexsort((ids, -scores.astype(np.int64)))
    return np.take_along_axis(ids, order, axis=1)


def choose_rescored(rows: int) -> int:
    """Return how many rows get their exact products: more of more rows, whose best hundred stand closer together."""
    return round(_RESCORED_OF_A_MILLION * (max(1, rows) / 1e6) ** _RESCORED_POWER)


def search(
    lists: PlanedLists, weights: NDArray[np.int16], groups: int, probes: int
) -> tuple[NDArray[np.int64], int, float]:
    """Return the rows found (in no order), how many were scanned, and when the coarse step was done."""
    ranges = probed_ranges(lists.inverted, weights, groups, probes)
    middle = time.perf_counter()
    ids = np.empty(BEST, np.int64)
    rescored = max(BEST, choose_rescored(len(lists.rest)))
    codes, names = lists.inverted.codes, lists.inverted.ids
    found = _best_of_ranges(codes, lists.rest, names, ranges, weights, rescored=rescored, best=ids)
    return ids[:found], int((ranges[:, 1] - ranges[:, 0]).sum()), middle


def probed_ranges(lists: InvertedLists, weights: NDArray[np.int16], groups: int, probes: int) -> NDArray[np.int64]:
    """Return the row ranges of the `probes` lists with the largest products among those of the best `groups`.

    weights: int16 [V], a high half of `densephrase.search.prepare.fixed_point.FixedPointVectors`. Int64 [at most
    `probes`, 2], ascending; fewer where those groups have fewer lists.
    """
    tree = lists.tree
    chosen = np.empty(min(groups, len(tree.group_codes)), np.int64)
    best = np.empty(min(probes, len(tree.list_codes)), np.int64)
    best = best[: best_lists(tree.group_codes, tree.group_ptr, tree.list_codes, weights, chosen, best)]
    return np.stack([lists.list_ptr[best], lists.list_ptr[best + 1]], axis=1)


@kernel
def _best_of_ranges(
    codes: NDArray[np.int8],
    rest: NDArray[np.int8],
    ids: NDArray[Any],
    ranges: NDArray[np.int64],
    weights: NDArray[np.int16],
    rescored: int,
    best: NDArray[np.int64],
) -> int:
    """Write the rows with the largest products of some ranges to `best`, in no order; return how many there are.

    Those with the `rescored` largest products of the first dimensions are looked at.
    """
    size = codes.shape[1]
    scores, places = np.empty(rescored, np.int32), np.empty(rescored, np.int64)
    found = scan(codes, np.empty(0, np.int32), 0, ranges, weights[:size], best_scores=scores, best_ids=places, size=0)
    products, halves = np.empty(found, np.int64), np.zeros((2, weights.size - size), np.int16)
    halves[0] = weights[size:]
    gather_dots(rest, places[:found], halves, 0, products)
    for place in range(found):
        products[place] += scores[place]
    largest = np.empty(best.size, np.int64)
    found = top_k(products, largest, best)
    for place in range(found):
        best[place] = ids[places[best[place]]]
    return found


def measure(
    lists: PlanedLists, weights: NDArray[np.int16], exact: NDArray[np.int64], probes: int, repeats: int
) -> Point:
    """Ask all questions `1 + repeats` times: the first time for recall, then for time, of which each one's best counts.

    What else runs on a machine can only make a question slower.
    """
    groups = choose_probed_groups(len(lists.inverted.tree.group_codes))
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
    """Return seconds for each question where the rows of the lists' file don't lie in the page cache before it.

    Opening, which is not timed, reads numbers of rows, and some codes beside them. It comes behind: what is mapped
    stays.
    """
    times = []
    for one in weights:
        evict(path)
        lists = PlanedLists.open(path, record, rows, weights.shape[1])
        began = time.perf_counter()
        search(lists, one, choose_probed_groups(record.groups), probes)
        times.append(time.perf_counter() - began)
        del lists
    return times


def warm(lists: PlanedLists) -> None:
    """Read all codes and numbers once."""
    for first, block in lists.blocks(1 << 20):
        block.max()
        lists.inverted.ids[first : first + (1 << 20)].max()
