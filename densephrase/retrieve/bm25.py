"""Paragraphs by their terms: BM25 as Lucene computes it, over unigrams (Robertson and Zaragoza, 2009).

The parameters are those that the term index was opened with: `densephrase.terms.bm25.PARAGRAPH_BM25` where nothing
else is said. The terms of a paragraph are those of its text and its title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.data import TermMatch
from densephrase.kernels.max_score import TermQuery, scores_at
from densephrase.kernels.passages import RankedRows, TermBatch, rank_by_all_postings, rank_by_max_score
from densephrase.retrieve.ranking import by_block, no_ranking
from densephrase.search.prepare.question_batch import find_terms
from densephrase.search.prepare.tables import posting_table
from densephrase.terms.term_index import TermIndex

# Paragraphs whose scores are added up, posting by posting: at 21,000 that took a quarter of the time of MaxScore for
# the best hundred, at 838,000 three fifths. Their scores then take 4 MB for each thread.
_MOST_SUMMED = 1 << 20


@dataclass(frozen=True, slots=True)
class TermRanking:
    """Ranks the paragraphs of a term index by BM25; `threads` share the questions of a batch."""

    terms: TermIndex
    threads: int = 1

    def prepare(self, questions: Sequence[str]) -> TermBatch:
        """Return the terms of questions with their weights; an empty question, or one of unknown words, has none."""
        found = find_terms([self.terms.analyser.terms(text) for text in questions], self.terms)
        return TermBatch(found.ptr, found.ids, self.terms.paragraphs.weights(found.ids, found.counts))

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
        postings.check(int(damaged.max(initial=-1)))
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
