"""Roofline of the kernels that read what an index holds: each with the bytes that it cannot do without.

Questions are real ones, and what is read for them lies where a search of the index finds it.

- Best ends: the rows of the starts that get ends in a search, and of the ends that one of them reaches.
- Sparse rows: the factors of all starts of the paragraphs that share most with a question (out of one shard), the word
  pieces of these paragraphs, and the keys of the pieces that begin one of the question's n-grams.
- BM25: every posting of a question's terms, which is what adding up reads. MaxScore stops early and skips, so that it
  may come faster than the bare read; the plain way of the last column adds up all of them, and then chooses among the
  paragraphs that hold a term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.plain_terms import score_terms, text_scores
from benchmarks.roofline.bare_reads import read_pieces
from benchmarks.roofline.roofline_cases import ROWS_AHEAD, Case, Run
from densephrase.encoder.encoded import QuestionVectors
from densephrase.index.shards.shard import Shard
from densephrase.kernels.best_spans import Scoring as KernelScoring
from densephrase.kernels.candidates import Chosen
from densephrase.kernels.mapped import Places
from densephrase.kernels.selection import top_k
from densephrase.kernels.sparse import SparseQuestion, sparse_scores
from densephrase.phrase_index import PhraseIndex
from densephrase.search.find.spans import new_span_table
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.threads import stages_on
from densephrase.search.prepare.sparse_question import fold_ngrams
from densephrase.search.searcher import Searcher
from densephrase.terms.postings import Postings

SPARSE_PARAGRAPHS = 100  # of a shard, for each question: so many that the call itself takes no time

Rows = NDArray[np.int64]


class Bytes(NamedTuple):
    """Pieces of memory, int64 [P] each."""

    address: Rows
    size: Rows

    @classmethod
    def of(cls, column: NDArray[Any], first: Rows, last: Rows) -> Bytes:
        """Return the rows `first[i]:last[i]` of a column; what is side by side becomes one piece."""
        row = column.strides[0]
        address, size = column.ctypes.data + row * np.asarray(first, np.int64), row * (np.asarray(last) - first)
        if not size.size:
            return cls(address, size)
        begins = np.flatnonzero(np.append(True, address[1:] != (address + size)[:-1]))
        return cls(address[begins], np.add.reduceat(size, begins))

    @classmethod
    def rows(cls, column: NDArray[Any], rows: Rows) -> Bytes:
        """Return some rows of a column."""
        return cls.of(column, rows, rows + 1)

    @classmethod
    def join(cls, pieces: Sequence[Bytes]) -> Bytes:
        """Put pieces one after the other."""
        return cls(*(np.concatenate([np.empty(0, np.int64), *column]) for column in zip(*pieces, strict=True)))

    def reads(self) -> dict[str, Run]:
        """Return ways to read the words that the bytes lie in; no word crosses a page, so all are there."""
        first = self.address & ~7
        count = (self.address + self.size - first + 7) // 8
        return {f"asking {ahead} pieces ahead": partial(read_pieces, first, count, ahead) for ahead in ROWS_AHEAD}


class IndexCases:
    """The cases over an index; close it when they were run."""

    def __init__(self, path: Path, questions: Sequence[str]) -> None:
        self.index = PhraseIndex.open(path, threads=1)
        self.searcher: Searcher = self.index.searcher
        self.steps, self.reader = self.searcher.steps, self.index.reader
        self.tables = self.steps.finder.tables
        self.questions = list(questions)
        self.vectors: QuestionVectors = self.index.encoder.encode_questions(self.questions)
        self.plan = self.steps.plan(SearchOptions())
        self.effort, self.scoring = self.plan.effort, self.plan.scoring
        self.batch = self.steps.prepare(self.questions, self.vectors, self.plan)

    def best_ends(self) -> Iterator[Case]:
        """Yield the best ends of the starts of a search, by vectors and coherency alone."""
        starts = self._likely_starts()
        rows = [starts.rows[question, : starts.found[question]] for question in range(len(self.questions))]
        read = Bytes.join([piece for mine in rows for piece in self._starts_and_ends(mine)])
        no_terms = self.scoring.for_kernels(self.tables.coherency, self.effort.most_starts)
        no_terms = no_terms._replace(paragraph_weight=0.0, document_weight=0.0)
        batch = self.steps.prepare(self.questions, self.vectors, self.steps.plan(SearchOptions(sparc=False)))
        found = new_span_table(len(self.questions), 1)
        run = partial(self._score, batch, starts, no_terms, found)
        row_size = self.reader.manifest.quantisation.row_sizes[0]
        yield Case("best ends", row_size, int(read.size.sum()), run, read.reads())

    def _likely_starts(self) -> Chosen:
        """Return the starts that get ends in a search, ascending for each question: those that have one."""
        batch, effort = self.batch, self.effort
        found = new_span_table(len(self.questions), min(effort.most_starts, int(self.reader.bases.starts[-1])))
        dense = self.steps.starts(batch, self.vectors, self.plan)
        paragraphs = self.steps.paragraphs(batch, self.plan)
        with stages_on(1, 1) as stages:
            scoring = self.scoring.for_kernels(self.tables.coherency, effort.most_starts)
            tables = self.tables.shards, self.tables.paragraphs, self.tables.documents
            stages.score_candidates(dense, paragraphs, batch, *tables, scoring, found)
        for question, size in enumerate(found.found):
            found.start_row[question, :size].sort()
        return Chosen(found.start_row, found.found)

    def _score(self, batch: Any, starts: Chosen, scoring: KernelScoring, found: Any) -> None:
        questions = len(starts.found)
        no_paragraphs = Chosen(np.empty((questions, 0), np.int64), np.zeros(questions, np.int64))
        tables = self.tables.shards, self.tables.paragraphs, self.tables.documents
        with stages_on(1, 1) as stages:
            stages.score_candidates(starts, no_paragraphs, batch, *tables, scoring, found)

    def _starts_and_ends(self, starts: Rows) -> Iterator[Bytes]:
        """Yield the rows of some starts, ascending, and then those of the ends that they reach."""
        shards = np.searchsorted(self.reader.bases.starts, starts, side="right") - 1
        for number in np.unique(shards).tolist():
            shard, rows = self.reader.shards[number], starts[shards == number] - self.reader.bases.starts[number]
            yield Bytes.rows(shard.start_codes, rows)
            yield Bytes.rows(shard.end_codes, reached_ends(shard, rows, self.scoring.max_answer_tokens))

    def sparse_rows(self) -> Iterator[Case]:
        """Yield the sparse scores of all starts of paragraphs that share words with a question."""
        if self.vectors.sparse is None or self.index.encoder.sparse_scale is None:
            return
        calls, read, row_size = [], [], 0
        for number, (text, ngrams) in enumerate(zip(self.questions, self.vectors.sparse, strict=True)):
            shard_number = number % len(self.reader.shards)
            shard = self.reader.shards[shard_number]
            paragraphs = self._similar_paragraphs(text, shard_number)
            first, last = shard.paragraph_start_ptr[paragraphs], shard.paragraph_start_ptr[paragraphs + 1]
            rows = _members(first, last)
            question = fold_ngrams(ngrams, self.index.encoder.sparse_scale)[0]
            owners, token = np.repeat(paragraphs, last - first), Places.of(shard.start_token)
            calls.append((rows, owners, token, shard.sparse("start"), question, np.empty(rows.size)))
            read += _sparse_bytes(shard, paragraphs, rows, question)
            row_size = shard.start_sparse.shape[1]
        everything = Bytes.join(read)
        run = partial(_call_each, sparse_scores, calls)
        yield Case("sparse rows", row_size, int(everything.size.sum()), run, everything.reads())

    def _similar_paragraphs(self, text: str, shard: int) -> Rows:
        """Return the rows, ascending, of the paragraphs of a shard with the best term scores."""
        first, last = self.reader.bases.paragraphs[shard : shard + 2]
        terms = self.reader.terms
        scores = score_terms(terms, terms.analyser.terms(text)).paragraph[first:last]
        return np.sort(np.argsort(-scores, kind="stable")[:SPARSE_PARAGRAPHS])

    def _choose_paragraphs(self) -> None:
        self.steps.paragraphs(self.batch, self.plan)

    def bm25(self) -> Iterator[Case]:
        """Yield the choice of paragraphs by terms, as a search makes it."""
        terms, analyse = self.reader.terms, self.reader.terms.analyser.terms
        sides = [terms.paragraphs, terms.documents] if self.scoring.document_weight else [terms.paragraphs]
        asked = [np.unique(terms.find(analyse(text)), return_counts=True) for text in self.questions]
        known = [(ids[ids >= 0], counts[ids >= 0]) for ids, counts in asked]
        wanted = self.effort.paragraphs
        read = Bytes.join([piece for ids, _ in known for side in sides for piece in _posting_bytes(side, ids)])

        def add_up() -> None:
            for ids, counts in known:
                scores = [text_scores(side, ids, counts) for side in sides][0]
                top_k(scores[scores > 0], np.empty(wanted, np.float32), np.empty(wanted, np.int64))

        width = terms.paragraphs.ids.itemsize + terms.paragraphs.tf.itemsize
        yield Case("BM25 by MaxScore", width, int(read.size.sum()), self._choose_paragraphs, read.reads(), add_up)


INDEX_CASES: dict[str, Callable[[IndexCases], Iterator[Case]]] = {
    "best_ends": IndexCases.best_ends,
    "sparse_rows": IndexCases.sparse_rows,
    "bm25": IndexCases.bm25,
}


def reached_ends(shard: Shard, starts: Rows, max_answer_tokens: int) -> Rows:
    """Return the end rows, ascending, that at least one of some starts of a shard, ascending, reaches."""
    owners = np.searchsorted(shard.paragraph_start_ptr, starts, side="right") - 1
    found = [np.empty(0, np.int64)]
    for paragraph in np.unique(owners).tolist():
        tokens = np.asarray(shard.start_token[starts[owners == paragraph]], np.int64)
        rows = np.arange(*shard.paragraph_end_ptr[paragraph : paragraph + 2])
        ends = np.asarray(shard.end_token[rows], np.int64)
        nearest = np.searchsorted(tokens, ends, side="right") - 1  # the last start that is not behind the end
        found.append(rows[(nearest >= 0) & (ends - tokens[nearest] < max_answer_tokens)])
    return np.concatenate(found)


def _sparse_bytes(shard: Shard, paragraphs: Rows, rows: Rows, question: SparseQuestion) -> list[Bytes]:
    first, last = shard.paragraph_token_ptr[paragraphs], shard.paragraph_token_ptr[paragraphs + 1]
    tokens = _members(first, last)
    pieces = np.asarray(shard.token_ids[tokens], np.int64)
    slots = np.append(question.slot, np.int16(-1))  # the last one is for all pieces that have none
    known = tokens[slots[np.minimum(pieces, question.slot.size)] >= 0]
    return [
        Bytes.of(shard.token_ids, first, last),
        Bytes.rows(shard.start_sparse, rows),
        Bytes.rows(shard.token_keys, known),
    ]


def _posting_bytes(postings: Postings, terms: Rows) -> list[Bytes]:
    first, last = postings.ptr[terms], postings.ptr[terms + 1]
    return [Bytes.of(column, first, last) for column in (postings.ids, postings.tf)]


def _members(first: Rows, last: Rows) -> Rows:
    """Return the rows of half-open ranges, one range after the other."""
    return np.concatenate([np.empty(0, np.int64), *map(np.arange, first, last)])


def _call_each(function: Callable[..., object], calls: Sequence[tuple[Any, ...]]) -> None:
    for arguments in calls:
        function(*arguments)
