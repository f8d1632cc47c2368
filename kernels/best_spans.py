"""The full score of candidate starts with their best ends, and the best of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, kernel
from densephrase.kernels.max_score import PostingTable, TermQuery, scores_at
from densephrase.kernels.question import QuestionBatch, document_terms, paragraph_terms, sparse_questions
from densephrase.kernels.selection import best_places, top_k
from densephrase.kernels.shards import (
    ShardTable,
    document_of,
    end_rows,
    locate,
    owner,
    prefetch_pointers,
    start_rows,
)
from densephrase.kernels.span_rows import SpanQuestion, SpanScores
from densephrase.kernels.spans import multiply_starts, score_starts
from densephrase.kernels.types import Rows

# The parts of a score, by the names and in the order of `densephrase.data.SCORE_PARTS`, in which they are added up.
DENSE_START, DENSE_END, COHERENCY, PARAGRAPH_TERMS, DOCUMENT_TERMS, SPARC_START, SPARC_END = range(7)
PARTS = 7


class Scoring(NamedTuple):
    """How scores are put together: weights, limits and the units of stored coherency."""

    most_starts: int  # more are cut to those with the best start vectors and paragraph terms
    max_answer_tokens: int
    paragraph_weight: float
    document_weight: float
    coherency_scale: Rows  # [r]
    coherency_step: float


class SpanTable(NamedTuple):
    """The best spans of Q questions, K of each at most, best first; equal ones in the order of the corpus.

    Rows are global, places code points of the document's text.
    """

    found: Rows  # [Q] how many there are
    candidates: Rows  # [Q] how many starts have an end
    document: Rows  # [Q, K]
    paragraph: Rows  # [Q, K]
    start_row: Rows  # [Q, K]
    end_row: Rows  # [Q, K]
    start: Rows  # [Q, K]
    end: Rows  # [Q, K]
    paragraph_start: Rows  # [Q, K]
    paragraph_end: Rows  # [Q, K]
    parts: NDArray[np.float64]  # [Q, K, PARTS]


class _Candidates(NamedTuple):
    """Starts with their best ends and the parts of their scores, [C] each."""

    start: Rows  # global
    shard: Rows
    paragraph: Rows  # of the shard
    end: Rows  # of the shard, -1 where there is none
    parts: NDArray[np.float64]  # [PARTS, C]


@kernel
def _candidates(starts: Rows) -> _Candidates:
    shard, paragraph, end = np.empty((3, starts.size), np.int64)
    return _Candidates(starts, shard, paragraph, end, np.zeros((PARTS, starts.size), np.float64))


@kernel
def _likely_starts(
    starts: Rows,
    asked: SpanQuestion,
    batch: QuestionBatch,
    question: int,
    table: ShardTable,
    paragraphs: PostingTable,
    documents: PostingTable,
    scoring: Scoring,
) -> Rows:
    """Return the starts, ascending, whose vectors and terms alone score best: what ends add is costly to find."""
    found = _candidates(starts)
    _find_paragraphs(found, table)
    _add_terms(found, batch, question, table, paragraphs, documents, scoring)
    scores, products, first = np.empty(starts.size, np.float64), np.empty(starts.size, np.int64), 0
    while first < starts.size:
        shard, last = _of_one_shard(found.shard, first)
        rows = starts[first:last] - table.starts[shard]
        multiply_starts(rows, start_rows(table, shard), asked, products[first:last])
        first = last
    for position in range(starts.size):
        terms = found.parts[PARAGRAPH_TERMS, position] + found.parts[DOCUMENT_TERMS, position]
        scores[position] = terms + products[position] * batch.step[question, 0]
    return starts[best_places(scores, scoring.most_starts)]


@inlined_kernel
def best_spans(
    starts: Rows,
    batch: QuestionBatch,
    question: int,
    table: ShardTable,
    paragraphs: PostingTable,
    documents: PostingTable,
    scoring: Scoring,
    spans: SpanTable,
) -> None:
    """Write the best spans that begin at some starts, int64[C] ascending, to row `question` of `spans`."""
    likely, asked = starts, _span_question(batch, question, scoring)
    if starts.size > scoring.most_starts:
        likely = _likely_starts(starts, asked, batch, question, table, paragraphs, documents, scoring)
    found = _candidates(likely)
    _find_paragraphs(found, table)
    _add_vectors(found, asked, batch, question, table, scoring)
    _add_terms(found, batch, question, table, paragraphs, documents, scoring)
    _select(found, question, table, spans)


@kernel
def _span_question(batch: QuestionBatch, question: int, scoring: Scoring) -> SpanQuestion:
    return SpanQuestion(
        batch.start[question],
        batch.end[question],
        batch.start_table[question],
        batch.end_table[question],
        batch.start_base[question],
        batch.predicted[question],
        batch.predicted_table[question],
        batch.predicted_units[question],
        batch.low_bits,
        batch.step[question, 1],
        scoring.coherency_scale,
        scoring.coherency_step,
        *sparse_questions(batch, question),
    )


@kernel
def _of_one_shard(shards: Rows, first: int) -> tuple[int, int]:
    """Return the shard of the candidate `first`, and how far candidates are of this shard."""
    last = first
    while last < shards.size and shards[last] == shards[first]:
        last += 1
    return shards[first], last


@kernel
def _find_paragraphs(found: _Candidates, table: ShardTable) -> None:
    starts, shards, paragraphs, _, _ = found
    shard, paragraph, stop = np.int64(0), np.int64(0), np.int64(-1)
    ptr = start_rows(table, 0).ptr
    for position in range(starts.size):
        if starts[position] >= stop:
            shard = owner(table.starts, starts[position])
            ptr = start_rows(table, shard).ptr
            paragraph = owner(ptr, starts[position] - table.starts[shard])
            stop = table.starts[shard] + ptr[paragraph + 1]
            prefetch_pointers(table, shard, paragraph)
        shards[position], paragraphs[position] = shard, paragraph


@inlined_kernel
def _add_vectors(
    found: _Candidates, asked: SpanQuestion, batch: QuestionBatch, question: int, table: ShardTable, scoring: Scoring
) -> None:
    """Find the best ends and add what dense and sparse vectors and coherency say of them."""
    starts, shards, paragraphs, ends, parts = found
    step, bias = batch.step[question], batch.bias[question]
    start_dot, end_dot, coherency = np.empty((3, starts.size), np.int64)
    first = 0
    while first < starts.size:
        shard, last = _of_one_shard(shards, first)
        mine = slice(first, last)
        sparse = parts[SPARC_START, mine], parts[SPARC_END, mine]
        scores = SpanScores(ends[mine], start_dot[mine], end_dot[mine], coherency[mine], *sparse)
        score_starts(
            starts[mine] - table.starts[shard],
            paragraphs[mine],
            start_rows(table, shard),
            end_rows(table, shard),
            asked,
            scoring.max_answer_tokens,
            scores,
        )
        first = last
    for position in range(starts.size):
        parts[DENSE_START, position] = start_dot[position] * step[0] + bias[0]
        parts[DENSE_END, position] = end_dot[position] * step[1] + bias[1]
        parts[COHERENCY, position] = coherency[position] * scoring.coherency_step


@kernel
def _add_terms(
    found: _Candidates,
    batch: QuestionBatch,
    question: int,
    table: ShardTable,
    paragraphs: PostingTable,
    documents: PostingTable,
    scoring: Scoring,
) -> None:
    """Add the weighted BM25 scores of the paragraphs and documents of all candidates."""
    owners = np.empty(found.start.size, np.int64)
    if scoring.paragraph_weight:
        for position in range(owners.size):
            owners[position] = table.paragraphs[found.shard[position]] + found.paragraph[position]
        terms, weight = paragraph_terms(batch, question), scoring.paragraph_weight
        _spread(owners, paragraphs, terms, weight, found.parts[PARAGRAPH_TERMS])
    if scoring.document_weight:
        for position in range(owners.size):
            owners[position] = document_of(table, found.shard[position], found.paragraph[position])
        terms, weight = document_terms(batch, question), scoring.document_weight
        _spread(owners, documents, terms, weight, found.parts[DOCUMENT_TERMS])


@kernel
def _spread(owners: Rows, postings: PostingTable, terms: TermQuery, weight: float, part: NDArray[np.float64]) -> None:
    """Write `weight` times BM25 of each candidate's text; `owners` int64[C] ascends, most texts stand there often."""
    distinct, size = np.empty(owners.size, np.int64), 0
    for owner_row in owners:
        if not size or distinct[size - 1] != owner_row:
            distinct[size] = owner_row
            size += 1
    scores = np.empty(size, np.float32)
    scores_at(postings, terms, distinct[:size], scores)
    place = 0
    for position in range(owners.size):
        if distinct[place] != owners[position]:
            place += 1
        part[position] = weight * np.float64(scores[place])


@kernel
def _select(found: _Candidates, question: int, table: ShardTable, spans: SpanTable) -> None:
    starts, shards, paragraphs, ends, parts = found
    with_end = np.flatnonzero(ends >= 0)
    scores = np.empty(with_end.size, np.float64)
    for position in range(with_end.size):
        part = parts[:, with_end[position]]
        scores[position] = part[0]
        for part_number in range(1, PARTS):
            scores[position] += part[part_number]
    size = min(spans.start.shape[1], with_end.size)
    best = np.empty(size, np.int64)
    top_k(scores, np.empty(size, np.float64), best)
    spans.found[question], spans.candidates[question] = size, with_end.size
    for place in range(size):
        position = with_end[best[place]]
        shard, start, end = shards[position], starts[position], ends[position]
        where = locate(table, shard, paragraphs[position], start - table.starts[shard], end)
        spans.document[question, place] = where.document
        spans.paragraph[question, place] = paragraphs[position] + table.paragraphs[shard]
        spans.start_row[question, place] = start
        spans.end_row[question, place] = end + table.ends[shard]
        spans.start[question, place], spans.end[question, place] = where.start, where.end
        spans.paragraph_start[question, place] = where.paragraph_start
        spans.paragraph_end[question, place] = where.paragraph_end
        for part_number in range(PARTS):
            spans.parts[question, place, part_number] = parts[part_number, position]
