"""Candidate starts: those with the largest dot products, and all those of chosen paragraphs."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.product_quantisation import scan_look_ups
from densephrase.kernels.question import QuestionBatch
from densephrase.kernels.scan import scan
from densephrase.kernels.scan_batch import Asked, BestRows, scan_batch
from densephrase.kernels.selection import top_k
from densephrase.kernels.shards import ShardTable, owner, start_rows
from densephrase.kernels.types import Codes, Rows, Weights


class ListTable(NamedTuple):
    """Inverted lists: codes of N start rows, the first d or all, and their numbers; empty where there are none.

    List l holds the rows `ptr[l]:ptr[l + 1]`. Centroids are codes of V columns: the lists
    `group_ptr[g]:group_ptr[g + 1]` belong to group g.
    """

    codes: Codes  # [N, d]
    ids: NDArray[Any]  # [N] int32 or int64
    ptr: Rows  # [L + 1]
    list_codes: Codes  # [L, V]
    group_codes: Codes  # [G, V]
    group_ptr: Rows  # [G + 1]


class Probed(NamedTuple):
    """The ranges that questions look into: those of question q are `ranges[ptr[q]:ptr[q + 1]]`.

    They are rows of inverted lists, or start rows where there are no lists.
    """

    ptr: Rows  # [Q + 1]
    ranges: Rows  # [R, 2]


class Chosen(NamedTuple):
    """At most k rows for each of Q questions."""

    rows: Rows  # [Q, k]
    found: Rows  # [Q]


@kernel
def choose_starts(
    question: int,
    batch: QuestionBatch,
    table: ShardTable,
    lists: ListTable,
    probed: Probed,
    rescored: int,
    chosen: Chosen,
) -> None:
    """Choose the start rows with the largest dot products with a question, in ascending order.

    Lists that hold d < V dimensions choose `rescored` rows, among which the stored start rows decide.
    """
    if batch.start_table.shape[1]:
        _look_up_starts(question, batch, lists, probed, chosen)
        return
    ranges, wanted = probed.ranges[probed.ptr[question] : probed.ptr[question + 1]], chosen.rows.shape[1]
    dimensions = lists.codes.shape[1] if lists.ids.size else batch.start.shape[2]
    weights, no_ids = batch.start[question, 0, :dimensions], np.empty(0, np.int32)
    size = max(wanted, rescored) if dimensions < batch.start.shape[2] else wanted
    scores, rows, found = np.empty(size, np.int32), np.empty(size, np.int64), 0
    if lists.ids.size:
        found = scan(lists.codes, lists.ids, 0, ranges, weights, scores, rows, found)
    else:
        for shard in range(table.starts.size - 1):
            begin, end = table.starts[shard], table.starts[shard + 1]
            mine = _cut(ranges, begin, end)
            found = scan(start_rows(table, shard).codes, no_ids, begin, mine, weights, scores, rows, found)
    choose_best(rows[:found], question, batch, table, chosen)


@kernel
def choose_together(
    first: int,
    last: int,
    batch: QuestionBatch,
    table: ShardTable,
    lists: ListTable,
    probed: Probed,
    rescored: int,
    chosen: Chosen,
) -> None:
    """Do as `choose_starts` does for the questions `[first, last)`; what several look into is read once for all.

    Not so product-quantised rows: adding up their entries takes longer than reading them.
    """
    if batch.start_table.shape[1]:
        for question in range(first, last):
            _look_up_starts(question, batch, lists, probed, chosen)
        return
    questions, wanted = last - first, chosen.rows.shape[1]
    dimensions = lists.codes.shape[1] if lists.ids.size else batch.start.shape[2]
    weights, no_ids = batch.start[first:last, 0, :dimensions].copy(), np.empty(0, np.int32)
    size = max(wanted, rescored) if dimensions < batch.start.shape[2] else wanted
    best = BestRows(
        np.empty((questions, size), np.int32), np.empty((questions, size), np.int64), np.zeros(questions, np.int64)
    )
    ranges, asked = share_ranges(first, last, probed)
    if lists.ids.size:
        scan_batch(lists.codes, lists.ids, 0, ranges, asked, weights, best)
    else:
        for shard in range(table.starts.size - 1):
            begin, end = table.starts[shard], table.starts[shard + 1]
            mine = _cut(ranges, begin, end)
            scan_batch(start_rows(table, shard).codes, no_ids, begin, mine, asked, weights, best)
    for question in range(questions):
        choose_best(best.ids[question, : best.size[question]], first + question, batch, table, chosen)


@kernel
def _cut(ranges: Rows, begin: int, end: int) -> Rows:
    """Return what lies in `[begin, end)` of some ranges, int64[R, 2], counted from `begin`."""
    inside = np.empty_like(ranges)
    for position in range(ranges.shape[0]):
        for side in range(2):
            inside[position, side] = min(max(ranges[position, side], begin), end) - begin
    return inside


@kernel
def choose_best(likely: Rows, question: int, batch: QuestionBatch, table: ShardTable, chosen: Chosen) -> None:
    """Choose for a question those of some distinct start rows with the largest dot products, in ascending order."""
    rows, wanted = np.sort(likely), chosen.rows.shape[1]
    if rows.size > wanted:
        rows = np.sort(_best_rows(rows, batch.start[question], batch.low_bits, table, wanted))
    for place in range(rows.size):
        chosen.rows[question, place] = rows[place]
    chosen.found[question] = rows.size


@kernel
def _look_up_starts(question: int, batch: QuestionBatch, lists: ListTable, probed: Probed, chosen: Chosen) -> None:
    """Do as `choose_starts` where lists hold product-quantised rows, whose sums, with their centroids', are exact."""
    ranges = probed.ranges[probed.ptr[question] : probed.ptr[question + 1]]
    own, bases = np.searchsorted(lists.ptr, ranges[:, 0], side="right") - 1, np.empty(ranges.shape[0], np.int64)
    own = np.minimum(own, lists.list_codes.shape[0] - 1)  # an empty range behind all rows lies in no list
    gather_dots(lists.list_codes, own, batch.start[question], batch.low_bits, bases)
    for place in range(own.size):
        bases[place] = np.int64(np.rint(bases[place] * batch.start_base[question]))
    best = chosen.rows[question]
    scores = np.empty(best.size, np.int32)
    found = scan_look_ups(lists.codes, lists.ids, ranges, bases, batch.start_table[question], scores, best)
    best[:found].sort()
    chosen.found[question] = found


@kernel
def share_ranges(first: int, last: int, probed: Probed) -> tuple[Rows, Asked]:
    """Return the ranges of some questions, ascending and each once, and which of them look into each."""
    ptr, ranges = probed
    mine = ranges[ptr[first] : ptr[last]]
    questions = np.empty(mine.shape[0], np.int64)
    for question in range(first, last):
        questions[ptr[question] - ptr[first] : ptr[question + 1] - ptr[first]] = question - first
    order = np.argsort(mine[:, 0], kind="mergesort")
    distinct, asked_ptr = np.empty_like(mine), np.zeros(mine.shape[0] + 1, np.int64)
    count = 0
    for position in range(order.size):
        current = mine[order[position]]
        if not count or current[0] != distinct[count - 1, 0] or current[1] != distinct[count - 1, 1]:
            distinct[count] = current
            count += 1
        asked_ptr[count] = position + 1
    return distinct[:count], Asked(asked_ptr[: count + 1], questions[order])


@kernel
def _best_rows(rows: Rows, weights: Weights, low_bits: int, table: ShardTable, wanted: int) -> Rows:
    """Return those of some ascending start rows with the largest dot products, `wanted` of them, in no order.

    `weights` int16[2, V]; both halves count.
    """
    products = np.empty(rows.size, np.int64)
    first = 0
    while first < rows.size:
        shard = owner(table.starts, rows[first])
        last = first
        while last < rows.size and rows[last] < table.starts[shard + 1]:
            last += 1
        local = rows[first:last] - table.starts[shard]
        gather_dots(start_rows(table, shard).codes, local, weights, low_bits, products[first:last])
        first = last
    scores, best = np.empty(wanted, np.int64), np.empty(wanted, np.int64)
    for place in range(top_k(products, scores, best)):
        best[place] = rows[best[place]]
    return best


@kernel
def join_candidates(dense: Rows, paragraphs: Rows, table: ShardTable) -> Rows:
    """Return all starts of some paragraphs, and other starts, int64 ascending, each once.

    `dense` int64[D] ascends, `paragraphs` int64[P] are distinct rows.
    """
    paragraphs = np.sort(paragraphs)
    ranges = np.empty((paragraphs.size, 2), np.int64)
    total = dense.size
    for position in range(paragraphs.size):
        shard = owner(table.paragraphs, paragraphs[position])
        ptr = start_rows(table, shard).ptr
        local = paragraphs[position] - table.paragraphs[shard]
        for side in range(2):
            ranges[position, side] = ptr[local + side] + table.starts[shard]
        total += ptr[local + 1] - ptr[local]
    joined, size, taken = np.empty(total, np.int64), 0, 0
    for position in range(paragraphs.size):
        first, last = ranges[position]
        while taken < dense.size and dense[taken] < last:
            if dense[taken] < first:
                joined[size] = dense[taken]
                size += 1
            taken += 1
        for row in range(first, last):
            joined[size] = row
            size += 1
    while taken < dense.size:
        joined[size] = dense[taken]
        size += 1
        taken += 1
    return joined[:size]
