"""Candidate starts: dense-first, sparse-first, or both (Sparc, section 4; DenSPI, section 5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.index.index_reader import IndexReader
from densephrase.index.inverted_lists import InvertedLists
from densephrase.kernels.gather import expand_ranges
from densephrase.kernels.scan import scan
from densephrase.kernels.selection import top_k
from densephrase.search.options import SearchOptions
from densephrase.search.question import PreparedQuestion, Scoring

_NO_IDS: NDArray[np.int64] = np.frombuffer(b"", np.int64)  # rows are numbered, not named


def candidate_starts(
    reader: IndexReader, question: PreparedQuestion, options: SearchOptions, scoring: Scoring
) -> NDArray[np.int64]:
    """Return the global rows of the candidate starts, int64 [C], ascending and each once."""
    if options.strategy == "dense-first":
        return dense_first(reader, question, options)
    if options.strategy == "sparse-first":
        return sparse_first(reader, question, options, scoring)
    dense = dense_first(reader, question, options)
    return dense if options.exhaustive else np.union1d(dense, sparse_first(reader, question, options, scoring))


def dense_first(reader: IndexReader, question: PreparedQuestion, options: SearchOptions) -> NDArray[np.int64]:
    """Return the starts with the largest dot products, int64 [C] ascending: of all rows, or of the probed lists."""
    total = int(reader.bases.starts[-1])
    if options.exhaustive or options.dense_candidates >= total:
        return np.arange(total)
    scores, ids, size = np.empty(options.dense_candidates, np.int32), np.empty(options.dense_candidates, np.int64), 0
    weights = question.start.weights[0]
    if reader.lists is not None:
        ranges = probed_ranges(reader.lists, question.start_vector, options.probes)
        size = scan(reader.lists.codes, reader.lists.ids, 0, ranges, weights, scores, ids, 0)
        return np.sort(ids[:size])
    for shard, first in zip(reader.shards, reader.bases.starts.tolist(), strict=False):
        everything = np.array([[0, shard.counts.starts]], np.int64)
        size = scan(shard.start_codes, _NO_IDS, first, everything, weights, scores, ids, size)
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
        rows = np.empty(int((ranges[:, 1] - ranges[:, 0]).sum()), np.int64)
        expand_ranges(ranges, rows)
        parts.append(rows + reader.bases.starts[number])
    return np.concatenate(parts)
