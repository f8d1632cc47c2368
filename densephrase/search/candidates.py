"""Candidate starts: dense-first, sparse-first, or both (Sparc, section 4; DenSPI, section 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.index.index_reader import IndexReader
from densephrase.index.inverted_lists import InvertedLists
from densephrase.kernels.gather import expand_ranges
from densephrase.kernels.scan import scan
from densephrase.kernels.selection import top_k
from densephrase.search.exclusion import Exclusion
from densephrase.search.options import SearchOptions
from densephrase.search.question import PreparedQuestion, Scoring

RESCORED = 4  # times as many starts as are wanted get their exact products, where lists hold only the first dimensions
_NO_IDS: NDArray[np.int32] = np.frombuffer(b"", np.int32)  # rows are numbered, not named


def candidate_starts(
    reader: IndexReader, question: PreparedQuestion, options: SearchOptions, scoring: Scoring, excluded: Exclusion
) -> NDArray[np.int64]:
    """Return the global rows of the candidate starts, int64 [C], ascending and each once.

    The question's term scores must hide the excluded documents (`Exclusion.hide`).
    """
    if options.strategy == "dense-first":
        return dense_first(reader, question, options, excluded)
    if options.strategy == "sparse-first":
        return sparse_first(reader, question, options, scoring)
    dense = dense_first(reader, question, options, excluded)
    return dense if options.exhaustive else np.union1d(dense, sparse_first(reader, question, options, scoring))


def dense_first(
    reader: IndexReader, question: PreparedQuestion, options: SearchOptions, excluded: Exclusion
) -> NDArray[np.int64]:
    """Return the starts with the largest dot products, int64 [C] ascending.

    Among all rows; or, with inverted lists, among those of the probed lists whose first dimensions have the largest.
    """
    total = int(reader.bases.starts[-1])
    if options.exhaustive or options.dense_candidates >= total:
        return _members(excluded.remaining(0, total))
    likely = None if reader.lists is None else _scan_lists(reader.lists, question, options, excluded)
    scores, ids, size = np.empty(options.dense_candidates, np.int32), np.empty(options.dense_candidates, np.int64), 0
    for shard, first in zip(reader.shards, reader.bases.starts.tolist(), strict=False):
        last = first + shard.counts.starts
        ranges = excluded.remaining(first, last) if likely is None else _ranges_within(likely, first, last)
        size = scan(shard.start_codes, _NO_IDS, first, ranges - first, question.start.weights[0], scores, ids, size)
    return np.sort(ids[:size])


def _ranges_within(rows: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    """Return those of some ascending rows that lie between `first` and `last` as ranges of one row each, [R, 2]."""
    mine = rows[slice(*np.searchsorted(rows, (first, last)))]
    return np.stack([mine, mine + 1], axis=1)


def _scan_lists(
    lists: InvertedLists, question: PreparedQuestion, options: SearchOptions, excluded: Exclusion
) -> NDArray[np.int64]:
    """Return the starts of the probed lists with the largest products of their first dimensions, int64 ascending."""
    wanted = RESCORED * options.dense_candidates
    scores, ids = np.empty(wanted, np.int32), np.empty(wanted, np.int64)
    ranges = excluded.cut(lists, probed_ranges(lists, question.start_vector, options.probes))
    weights = question.start.weights[0, : lists.codes.shape[1]]
    size = scan(lists.codes, lists.ids, 0, ranges, weights, scores, ids, 0)
    return np.sort(ids[:size])


def probed_ranges(lists: InvertedLists, vector: NDArray[np.float32], probes: int) -> NDArray[np.int64]:
    """Return the row ranges, int64 [at most `probes`, 2], of the lists whose centroids have the largest products."""
    scores = lists.centroids @ vector
    probes = min(probes, scores.size)
    best_scores, best_lists = np.empty(probes, np.float32), np.empty(probes, np.int64)
    top_k(scores, best_scores, best_lists)
    return np.stack([lists.list_ptr[best_lists], lists.list_ptr[best_lists + 1]], axis=1)


def sparse_first(
    reader: IndexReader, question: PreparedQuestion, options: SearchOptions, scoring: Scoring
) -> NDArray[np.int64]:
    """Return all starts of the paragraphs with the best term scores, int64 [C] ascending.

    Only paragraphs that share a term with the question are proposed. Where term scores have no weight, paragraphs are
    still chosen by their own.
    """
    total = int(reader.bases.paragraphs[-1])
    weights = (scoring.paragraph_weight, scoring.document_weight) if scoring.uses_terms else (1.0, 0.0)
    wanted = total if options.exhaustive else options.paragraph_candidates
    paragraphs = np.sort(question.terms.top(max(wanted, 1), *weights))
    bounds = np.searchsorted(paragraphs, reader.bases.paragraphs)
    parts = [np.empty(0, np.int64)]
    for number, shard in enumerate(reader.shards):
        local = paragraphs[bounds[number] : bounds[number + 1]] - reader.bases.paragraphs[number]
        ranges = np.stack([shard.paragraph_start_ptr[local], shard.paragraph_start_ptr[local + 1]], axis=1)
        parts.append(_members(ranges) + reader.bases.starts[number])
    return np.concatenate(parts)


def _members(ranges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of half-open ranges [R, 2], one range after the other."""
    rows = np.empty(int((ranges[:, 1] - ranges[:, 0]).sum()), np.int64)
    expand_ranges(ranges, rows)
    return rows
