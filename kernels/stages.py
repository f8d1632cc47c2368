"""The steps of a search, each for one question of a batch, and for the whole batch on several threads.

The parallel form of a step gives the same results; parallel kernels may be called from one thread at a time only (see
`densephrase.kernels.compile`).
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from densephrase.kernels.best_spans import Scoring, SpanTable, best_spans
from densephrase.kernels.candidates import (
    Chosen,
    ListTable,
    Probed,
    choose_best,
    choose_together,
    join_candidates,
)
from densephrase.kernels.coarse import best_lists
from densephrase.kernels.compile import kernel, parallel_kernel
from densephrase.kernels.max_score import DocumentPart, PostingTable, scores_at, top_texts
from densephrase.kernels.question import QuestionBatch, document_terms, paragraph_terms
from densephrase.kernels.shards import ShardTable
from densephrase.kernels.types import Rows

QUESTION_BLOCK = 16  # questions that share what they read


@kernel
def choose_lists(question: int, batch: QuestionBatch, lists: ListTable, groups: int, chosen: Chosen) -> None:
    """Choose the lists with the largest products with a question, out of its best `groups`, in ascending order."""
    chosen.found[question] = best_lists(
        lists.group_codes,
        lists.group_ptr,
        lists.list_codes,
        batch.start[question, 0],
        np.empty(groups, np.int64),
        chosen.rows[question],
    )


@parallel_kernel
def choose_lists_parallel(batch: QuestionBatch, lists: ListTable, groups: int, chosen: Chosen) -> None:
    """Do as `choose_lists` does for all questions, on every numba thread."""
    for question in prange(chosen.found.size):
        choose_lists(question, batch, lists, groups, chosen)


@parallel_kernel
def choose_starts_parallel(
    batch: QuestionBatch, table: ShardTable, lists: ListTable, probed: Probed, rescored: int, chosen: Chosen
) -> None:
    """Do as `densephrase.kernels.candidates.choose_starts` does for all questions, on every numba thread.

    Each thread takes some questions, and reads once what they share.
    """
    questions = chosen.found.size
    for block in prange(-(-questions // QUESTION_BLOCK)):
        last = min((block + 1) * QUESTION_BLOCK, questions)
        choose_together(block * QUESTION_BLOCK, last, batch, table, lists, probed, rescored, chosen)


@kernel
def rescore_starts(question: int, batch: QuestionBatch, table: ShardTable, likely: Chosen, chosen: Chosen) -> None:
    """Choose those of a question's `likely` start rows with the largest dot products."""
    choose_best(likely.rows[question, : likely.found[question]], question, batch, table, chosen)


@parallel_kernel
def rescore_starts_parallel(batch: QuestionBatch, table: ShardTable, likely: Chosen, chosen: Chosen) -> None:
    """Do as `rescore_starts` does for all questions, on every numba thread."""
    for question in prange(chosen.found.size):
        rescore_starts(question, batch, table, likely, chosen)


@kernel
def choose_paragraphs(
    question: int,
    batch: QuestionBatch,
    paragraphs: PostingTable,
    documents: PostingTable,
    paragraph_document: NDArray[np.int32],
    paragraph_weight: np.float32,
    document_weight: np.float32,
    excluded: Rows,
    damaged: Rows,
    chosen: Chosen,
) -> None:
    """Choose the paragraphs with the best weighted term scores, best first.

    `excluded` int64[X, 2] are ascending ranges of paragraphs to leave out. `damaged` int64[Q] is given a posting whose
    paragraph does not exist, or -1.
    """
    document_scores = np.empty(documents.norm.size if document_weight else 0, np.float32)
    if document_weight:
        scores_at(documents, document_terms(batch, question), np.arange(document_scores.size), document_scores)
        document_scores *= document_weight
    chosen.found[question], damaged[question] = top_texts(
        paragraphs,
        paragraph_terms(batch, question),
        paragraph_weight,
        DocumentPart(document_scores, paragraph_document),
        excluded,
        chosen.rows[question],
        np.empty(chosen.rows.shape[1], np.float32),
    )


@parallel_kernel
def choose_paragraphs_parallel(
    batch: QuestionBatch,
    paragraphs: PostingTable,
    documents: PostingTable,
    paragraph_document: NDArray[np.int32],
    paragraph_weight: np.float32,
    document_weight: np.float32,
    excluded: Rows,
    damaged: Rows,
    chosen: Chosen,
) -> None:
    """Do as `choose_paragraphs` does for all questions, on every numba thread."""
    for question in prange(chosen.found.size):
        choose_paragraphs(
            question,
            batch,
            paragraphs,
            documents,
            paragraph_document,
            paragraph_weight,
            document_weight,
            excluded,
            damaged,
            chosen,
        )


@kernel
def score_candidates(
    question: int,
    starts: Chosen,
    chosen: Chosen,
    batch: QuestionBatch,
    table: ShardTable,
    paragraphs: PostingTable,
    documents: PostingTable,
    scoring: Scoring,
    spans: SpanTable,
) -> None:
    """Write the best spans of a question that begin at its `starts` or in its `chosen` paragraphs."""
    candidates = join_candidates(
        starts.rows[question, : starts.found[question]], chosen.rows[question, : chosen.found[question]], table
    )
    best_spans(candidates, batch, question, table, paragraphs, documents, scoring, spans)


@parallel_kernel
def score_candidates_parallel(
    starts: Chosen,
    chosen: Chosen,
    batch: QuestionBatch,
    table: ShardTable,
    paragraphs: PostingTable,
    documents: PostingTable,
    scoring: Scoring,
    spans: SpanTable,
) -> None:
    """Do as `score_candidates` does for all questions, on every numba thread."""
    for question in prange(spans.found.size):
        score_candidates(question, starts, chosen, batch, table, paragraphs, documents, scoring, spans)
