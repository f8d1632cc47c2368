"""A batch of questions as kernels take it, and the sparse vector of one of them as a table."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.max_score import TermQuery
from densephrase.kernels.sparse import SparseQuestion
from densephrase.kernels.types import Rows, Table, Weights


class QuestionBatch(NamedTuple):
    """Q questions; what a question has a varying number of stands at `ptr[q]:ptr[q + 1]`.

    Dense vectors are integers: a dot product with the weights and `low_bits` counts `step`, and `bias` is added to it.
    Where rows are product-quantised, a sum of entries of the tables does; the weights still choose lists.
    Sparse weights are those of Sparc's heads with the scale of the stored codes folded in, in units of `sparse_step`.
    """

    start: Weights  # [Q, 2, V]
    end: Weights  # [Q, 2, V]
    start_table: Table  # [Q, G, 256]; without groups where rows are codes of 8 bits
    end_table: Table  # [Q, G, 256]
    start_base: NDArray[np.float64]  # [Q] units of the start table in one of the products with weights
    predicted: Weights  # [Q, 2, V] what starts say of the ends behind them is multiplied with
    predicted_table: Table  # [Q, G', 256]
    predicted_units: NDArray[np.float64]  # [Q, 3] those of `SpanQuestion`
    low_bits: int
    step: NDArray[np.float64]  # [Q, 2] of start and end
    bias: NDArray[np.float64]  # [Q, 2]
    unigram_ptr: Rows  # [Q + 1]
    unigrams: Rows  # [n] word pieces, ascending within a question
    unigram_weights: Rows  # [2, n] for starts and for ends
    bigram_ptr: Rows  # [Q + 1]
    bigrams: Rows  # [m, 2] word pieces, ascending within a question
    bigram_weights: Rows  # [2, m]
    sparse_step: NDArray[np.float64]  # [Q]
    term_ptr: Rows  # [Q + 1]
    term_ids: Rows  # [t] ascending within a question
    paragraph_weights: NDArray[np.float32]  # [t] of BM25
    document_weights: NDArray[np.float32]  # [t]


@kernel
def paragraph_terms(batch: QuestionBatch, question: int) -> TermQuery:
    """Return the terms of a question with their weights in paragraphs."""
    first, last = batch.term_ptr[question], batch.term_ptr[question + 1]
    return TermQuery(batch.term_ids[first:last], batch.paragraph_weights[first:last])


@kernel
def document_terms(batch: QuestionBatch, question: int) -> TermQuery:
    """Return the terms of a question with their weights in documents."""
    first, last = batch.term_ptr[question], batch.term_ptr[question + 1]
    return TermQuery(batch.term_ids[first:last], batch.document_weights[first:last])


@kernel
def sparse_questions(batch: QuestionBatch, question: int) -> tuple[SparseQuestion, SparseQuestion]:
    """Return the sparse vectors of a question for starts and for ends."""
    unigrams = slice(batch.unigram_ptr[question], batch.unigram_ptr[question + 1])
    bigrams = slice(batch.bigram_ptr[question], batch.bigram_ptr[question + 1])
    return tabulate_ngrams(
        batch.unigrams[unigrams],
        batch.unigram_weights[:, unigrams],
        batch.bigrams[bigrams],
        batch.bigram_weights[:, bigrams],
        batch.sparse_step[question],
    )


@kernel
def tabulate_ngrams(
    unigrams: Rows, unigram_weights: Rows, bigrams: Rows, bigram_weights: Rows, step: float
) -> tuple[SparseQuestion, SparseQuestion]:
    """Return the tables for starts and for ends that n-grams are looked up in; without n-grams they are empty.

    `unigrams` int64[n] and `bigrams` int64[m, 2] ascend, `unigram_weights` [2, n] and `bigram_weights` [2, m] count
    `step`.
    """
    vocabulary = 0
    if unigrams.size:
        vocabulary = unigrams[-1] + 1
    if bigrams.shape[0]:
        vocabulary = max(vocabulary, bigrams[-1, 0] + 1)
    slot = np.full(vocabulary, -1, np.int16)
    slots = unigrams.size + bigrams.shape[0]
    unigram, pair_ptr = np.zeros((2, slots), np.int64), np.zeros(slots + 1, np.int64)
    used = place = pair = 0
    while place < unigrams.size or pair < bigrams.shape[0]:
        piece = unigrams[place] if place < unigrams.size else vocabulary
        if pair < bigrams.shape[0]:
            piece = min(piece, bigrams[pair, 0])
        slot[piece] = used
        if place < unigrams.size and unigrams[place] == piece:
            unigram[0, used], unigram[1, used] = unigram_weights[0, place], unigram_weights[1, place]
            place += 1
        while pair < bigrams.shape[0] and bigrams[pair, 0] == piece:
            pair += 1
        used += 1
        pair_ptr[used] = pair
    second = bigrams[:, 1].copy()
    pair_ptr = pair_ptr[: used + 1]
    starts = SparseQuestion(slot, unigram[0, :used].copy(), pair_ptr, second, bigram_weights[0].copy(), step)
    return starts, SparseQuestion(slot, unigram[1, :used].copy(), pair_ptr, second, bigram_weights[1].copy(), step)
