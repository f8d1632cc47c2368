"""Paragraphs by their terms: BM25 as Lucene computes it, over unigrams (Robertson and Zaragoza, 2009).

The parameters are those that the term index was opened with: `densephrase.terms.bm25.PARAGRAPH_BM25` where nothing
else is said. The terms of a paragraph are those of its text and its title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from densephrase.data import TermMatch
from densephrase.kernels.max_score import TermQuery, scores_at
from densephrase.kernels.passages import RankedRows, TermBatch, rank_by_all_postings, rank_by_max_score
from densephrase.retrieve.ranking import by_block, no_ranking
from densephrase.search.prepare.tables import posting_table
from densephrase.terms.term_index import TermIndex

# Paragraphs whose scores are added up, posting by posting: at 21,000 that took a quarter of the time of MaxScore for
# the best hundred, at 838,000 three fifths. Their scores then take 4 MB for each thread.
_MOST_SUMMED = 1 << 20


_UNKNOWN = -1
_MOST_KNOWN = 100_000  # terms: as many as stems are kept


class _WeighedTerms(dict[str, tuple[int, float]]):
    """Term to its row and weight, looked up once: that takes as long as to rank. Forgets all when full."""

    def __init__(self, terms: TermIndex) -> None:
        super().__init__()
        self._terms = terms

    def __missing__(self, term: str) -> tuple[int, float]:
        rows = self._terms.find([term])
        row = int(rows[0])
        weight = float(self._terms.paragraphs.weights(rows, np.ones(1, np.int64))[0]) if row != _UNKNOWN else 0.0
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[term] = row, weight
        return row, weight


@dataclass(frozen=True)
class TermRanking:
    """Ranks the paragraphs of a term index by BM25; `threads` share the questions of a batch."""

    terms: TermIndex
    threads: int = 1

    def prepare(self, questions: Sequence[str]) -> TermBatch:
        """Return the terms of questions with their weights; an empty question, or one of unknown words, has none."""
        analyse, weighed = self.terms.analyser.terms, self._weighed
        ptr, ids, weights = [0], list[int](), list[float]()
        for text in questions:
            asked: dict[int, float] = {}
            for row, weight in map(weighed.__getitem__, analyse(text)):
                asked[row] = asked.get(row, 0.0) + weight  # exact: float32 numbers in float64
            asked.pop(_UNKNOWN, None)
            for row in sorted(asked):
                ids.append(row)
                weights.append(asked[row])
            ptr.append(len(ids))
        return TermBatch(np.array(ptr, np.int64), np.array(ids, np.int64), np.array(weights, np.float32))

    @cached_property
    def _weighed(self) -> _WeighedTerms:
        return _WeighedTerms(self.terms)

    def rank(self, batch: TermBatch, top_k: int) -> RankedRows:
        """Return the best paragraphs of each question, at most `top_k`, among those that share a term with it.

        Raises:
            IndexFormatError: if the postings of a term are damaged.
        """
        questions, postings = len(batch.ptr) - 1, self.terms.paragraphs
        ranked = no_ranking(questions, min(top_k, postings.length.size), np.float32)
        table, damaged = posting_table(postings), np.full(questions, -1, np.int64)
        documents = self.terms.paragraph_document

        def step(first: int, last: int) -> None:
            if postings.length.size <= _MOST_SUMMED:
                rank_by_all_postings(first, last, batch, table, damaged, ranked)
            else:
                rank_by_max_score(first, last, batch, table, documents, damaged=damaged, ranked=ranked)

        by_block(step, questions, self.threads)
        postings.check(max(damaged.tolist(), default=-1))
        return ranked

    def scores(self, batch: TermBatch, question: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return BM25 of some rows int64 [n], ascending, for one question of a batch: 0 where they share no term."""
        mine = slice(*batch.ptr[question : question + 2])
        scores = np.empty(len(rows), np.float32)
        scores_at(posting_table(self.terms.paragraphs), TermQuery(batch.ids[mine], batch.weights[mine]), rows, scores)
        return scores.astype(np.float64)

    def explain(self, question: str, row: int) -> tuple[TermMatch, ...]:
        """Return which terms a paragraph shares with a question and what each adds, strongest first, then by name."""
        added = self.terms.contributions(self.terms.analyser.terms(question), row)
        matches = [TermMatch(term, paragraph, 0.0) for term, paragraph, _ in added if paragraph]
        return tuple(sorted(matches, key=lambda match: (-match.paragraph, match.term)))
