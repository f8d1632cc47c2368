"""The best passages of each of some questions: by their terms, and by their vectors.

Every question has the same answer whatever it is asked with: what several look into is read once, and no sum depends on
who else is there. Kernels release the interpreter, so that threads may take some questions each.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.all_postings import add_postings, take_best
from densephrase.kernels.candidates import ListTable, Probed, share_ranges
from densephrase.kernels.coarse import best_lists
from densephrase.kernels.compile import kernel
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.max_score import DocumentPart, PostingTable, TermQuery, top_texts
from densephrase.kernels.scan import scan
from densephrase.kernels.scan_batch import Asked, BestRows, scan_batch
from densephrase.kernels.selection import top_k
from densephrase.kernels.types import Codes, Rows, Weights

# Rows beside the k best of a scan, which counts one half of the weights: both halves decide. The half is off by 1e-5 of
# the range of scores at most, where there are hardly two rows.
SPARE_ROWS = 16


class RankedRows(NamedTuple):
    """At most k rows of each of Q questions, best first, equal scores by row."""

    rows: Rows  # [Q, k]
    scores: NDArray[Any]  # [Q, k] float32 or float64
    found: Rows  # [Q]


class TermBatch(NamedTuple):
    """The terms of Q questions, those of question q at `ptr[q]:ptr[q + 1]`, ascending and once each."""

    ptr: Rows  # [Q + 1]
    ids: Rows  # [terms]
    weights: NDArray[np.float32]  # [terms]


class ListEffort(NamedTuple):
    """In how many of the best lists, out of how many of the best groups, a question is looked for."""

    probes: int
    groups: int


@kernel
def question_terms(terms: TermBatch, question: int) -> TermQuery:
    """Return the terms of one question."""
    first, last = terms.ptr[question], terms.ptr[question + 1]
    return TermQuery(terms.ids[first:last], terms.weights[first:last])


@kernel
def rank_by_max_score(
    first: int,
    last: int,
    terms: TermBatch,
    postings: PostingTable,
    paragraph_document: NDArray[np.int32],
    damaged: Rows,
    ranked: RankedRows,
) -> None:
    """Rank for the questions `[first, last)` the texts that share a term with them, by BM25 in float32.

    `damaged` int64[Q] is given a posting whose text does not exist, or -1; `ranked` is the output. `paragraph_document`
    is not read: documents add nothing.
    """
    nothing, no_ranges = np.empty(0, np.float32), np.empty((0, 2), np.int64)
    for question in range(first, last):
        ranked.found[question], damaged[question] = top_texts(
            postings,
            question_terms(terms, question),
            np.float32(1),
            DocumentPart(nothing, paragraph_document),
            no_ranges,
            ranked.rows[question],
            ranked.scores[question],
        )


@kernel
def rank_by_all_postings(
    first: int, last: int, terms: TermBatch, postings: PostingTable, damaged: Rows, ranked: RankedRows
) -> None:
    """Do as `rank_by_max_score` does, to the last bit: faster for fewer texts."""
    scores = np.zeros(postings.norm.size, np.float32)
    for question in range(first, last):
        asked = question_terms(terms, question)
        damaged[question] = add_postings(postings, asked, scores)
        if damaged[question] >= 0:
            return
        ranked.found[question] = take_best(postings, asked, scores, ranked.rows[question], ranked.scores[question])


@kernel
def rank_by_vectors(
    first: int,
    last: int,
    codes: Codes,
    lists: ListTable,
    effort: ListEffort,
    weights: Weights,
    low_bits: int,
    step: NDArray[np.float64],
    bias: NDArray[np.float64],
    ranked: RankedRows,
) -> None:
    """Rank for the questions `[first, last)` the rows of `codes` int8[N, V] by their dot products, exact integers.

    All rows are looked through; with lists, those of the best lists, whose codes of all V columns they hold. `weights`
    int16[Q, 2, V], `low_bits`, `step` [Q] and `bias` [Q] are those of `densephrase.kernels.fixed_point.fold_vectors`: a
    score is `dot * step + bias`. `ranked` is the output.
    """
    wanted = ranked.rows.shape[1]
    size = min(wanted + SPARE_ROWS, codes.shape[0])
    likely = _scan_rows(first, last, codes, lists, effort, weights, size)
    for question in range(first, last):
        rows = np.sort(likely.ids[question - first, : likely.size[question - first]])
        dots, best_dots = np.empty(rows.size, np.int64), np.empty(wanted, np.int64)
        gather_dots(codes, rows, weights[question], low_bits, dots)
        best = ranked.rows[question]
        found = top_k(dots, best_dots, best)
        for place in range(found):
            best[place] = rows[best[place]]
            ranked.scores[question, place] = best_dots[place] * step[question] + bias[question]
        ranked.found[question] = found


@kernel
def _scan_rows(
    first: int, last: int, codes: Codes, lists: ListTable, effort: ListEffort, weights: Weights, size: int
) -> BestRows:
    """Return the rows with the largest products with the high halves of the questions `[first, last)`, in no order."""
    questions = last - first
    best = BestRows(
        np.empty((questions, size), np.int32), np.empty((questions, size), np.int64), np.zeros(questions, np.int64)
    )
    high = weights[first:last, 0].copy()
    if not lists.ids.size:
        ranges = np.array([[0, codes.shape[0]]])
        _scan(codes, np.empty(0, np.int32), ranges, Asked(np.array([0, questions]), np.arange(questions)), high, best)
        return best
    probed = _probed_lists(lists, effort, high)
    ranges, asked = share_ranges(0, questions, probed)
    _scan(lists.codes, lists.ids, ranges, asked, high, best)
    return best


@kernel
def _scan(codes: Codes, ids: NDArray[Any], ranges: Rows, asked: Asked, weights: Weights, best: BestRows) -> None:
    if best.size.size == 1:
        best.size[0] = scan(codes, ids, 0, ranges, weights[0], best.scores[0], best.ids[0], 0)
    else:
        scan_batch(codes, ids, 0, ranges, asked, weights, best)


@kernel
def _probed_lists(lists: ListTable, effort: ListEffort, weights: Weights) -> Probed:
    """Return the rows of the lists with the largest products with each question, as ranges."""
    questions, probes = weights.shape[0], min(effort.probes, lists.list_codes.shape[0])
    ptr, ranges, count = np.zeros(questions + 1, np.int64), np.empty((questions * probes, 2), np.int64), 0
    groups, chosen = np.empty(min(effort.groups, lists.group_codes.shape[0]), np.int64), np.empty(probes, np.int64)
    for question in range(questions):
        found = best_lists(lists.group_codes, lists.group_ptr, lists.list_codes, weights[question], groups, chosen)
        for place in range(found):
            ranges[count, 0], ranges[count, 1] = lists.ptr[chosen[place]], lists.ptr[chosen[place] + 1]
            count += 1
        ptr[question + 1] = count
    return Probed(ptr, ranges[:count])
