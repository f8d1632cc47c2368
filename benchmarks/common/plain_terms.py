"""BM25 of every paragraph and every document, added up posting by posting: what a search's choice is compared with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.selection import top_k
from densephrase.terms.postings import Postings
from densephrase.terms.term_index import TermIndex


@dataclass(frozen=True, slots=True)
class TermScores:
    """BM25 of every paragraph and every document for one question: float32 [paragraphs], float32 [documents]."""

    paragraph: NDArray[np.float32]
    document: NDArray[np.float32]
    paragraph_document: NDArray[np.int32]

    def top(self, k: int, paragraph_weight: float, document_weight: float) -> NDArray[np.int64]:
        """Return the rows of the best paragraphs, int64 [at most k], best first; equal ones by row.

        Ranked by paragraph_weight * paragraph score + document_weight * document score, computed in float32, among
        the paragraphs that hold a term of the question themselves; so there can be fewer than k, even none.
        """
        rows = np.flatnonzero(self.paragraph > 0)
        documents = np.float32(document_weight) * self.document[self.paragraph_document[rows]]
        totals = np.float32(paragraph_weight) * self.paragraph[rows] + documents
        best = np.empty(min(k, rows.size), np.int64)
        top_k(totals, np.empty(best.size, np.float32), best)
        return rows[best]


def score_terms(index: TermIndex, terms: Iterable[str]) -> TermScores:
    """Return the BM25 scores for the terms of a question, as `TermIndex.analyser` gives them.

    A term counts as often as it is repeated; the order of the terms makes no difference; unknown terms and no terms at
    all score nothing.

    Raises:
        IndexFormatError: if a posting of a term names a text that does not exist.
    """
    found = index.find(list(terms))
    term_ids, counts = np.unique(found[found >= 0], return_counts=True)
    units = (text_scores(postings, term_ids, counts) for postings in (index.paragraphs, index.documents))
    return TermScores(*units, index.paragraph_document)


def text_scores(postings: Postings, term_ids: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return BM25 of every text for some terms, each asked `counts` times; 0 exactly where none occurs."""
    weights = postings.weights(term_ids, counts)
    scores = np.zeros(postings.length.size, np.float32)
    texts, frequencies = postings.texts, postings.frequencies
    damaged = accumulate_bm25(
        term_ids=term_ids,
        term_weights=weights,
        posting_ptr=postings.ptr,
        posting_rows=texts,
        posting_tf=frequencies,
        length_norm=postings.length_norm,
        scores=scores,
    )
    postings.check(damaged)
    return scores


@kernel
def accumulate_bm25(
    term_ids: NDArray[np.int64],
    term_weights: NDArray[np.float32],
    posting_ptr: NDArray[np.int64],
    posting_rows: NDArray[np.int32],
    posting_tf: NDArray[np.uint16],
    length_norm: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> int:
    """Add weight * tf / (tf + length_norm[row]) of every posting of every term to `scores`.

    Returns -1, or the number of the first posting whose row lies outside `scores`; nothing is written there.
    """
    for term in range(term_ids.size):
        weight = term_weights[term]
        for posting in range(posting_ptr[term_ids[term]], posting_ptr[term_ids[term] + 1]):
            row = posting_rows[posting]
            if row < 0 or row >= scores.size:
                return posting
            tf = np.float32(posting_tf[posting])
            scores[row] += weight * tf / (tf + length_norm[row])
    return -1
