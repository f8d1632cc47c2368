"""Postings: invert rows of terms, accumulate BM25 into a dense array, and choose the best paragraphs of it."""

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel


@kernel
def count_postings(row_end: NDArray[np.int64], terms: NDArray[np.int32], frequency: NDArray[np.int64]) -> None:
    """Add to `frequency` [vocabulary] in how many rows each term occurs; row r ends before `terms[row_end[r]]`."""
    last_row = np.full(frequency.size, -1, np.int64)
    position = 0
    for row in range(row_end.size):
        while position < row_end[row]:
            term = terms[position]
            if last_row[term] != row:
                last_row[term] = row
                frequency[term] += 1
            position += 1


@kernel
def fill_postings(
    row_end: NDArray[np.int64],
    terms: NDArray[np.int32],
    posting_ptr: NDArray[np.int64],
    posting_rows: NDArray[np.int32],
    posting_tf: NDArray[np.uint16],
) -> None:
    """Write each term's rows, ascending, and its frequencies in them, at most 65,535, from `posting_ptr[term]` on."""
    next_posting = posting_ptr[:-1].copy()
    position = 0
    for row in range(row_end.size):
        while position < row_end[row]:
            term = terms[position]
            posting = next_posting[term]
            if posting > posting_ptr[term] and posting_rows[posting - 1] == row:
                if posting_tf[posting - 1] < 65_535:
                    posting_tf[posting - 1] += 1
            else:
                posting_rows[posting] = row
                posting_tf[posting] = 1
                next_posting[term] += 1
            position += 1


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


@kernel
def best_paragraphs(
    paragraph_scores: NDArray[np.float32],
    document_scores: NDArray[np.float32],
    paragraph_document: NDArray[np.int32],
    paragraph_weight: np.float32,
    document_weight: np.float32,
    rows: NDArray[np.int64],
    totals: NDArray[np.float32],
) -> int:
    """Fill `rows` and `totals` (both of size k) with the best paragraphs; return how many there are, at most k.

    Total = paragraph_weight * paragraph score + document_weight * score of its document. Only paragraphs with a
    positive score of their own take part. Best first: total descending, then row ascending.
    """
    if rows.size == 0:
        return 0
    count = 0
    for row in range(paragraph_scores.size):
        if paragraph_scores[row] <= 0:
            continue
        total = paragraph_weight * paragraph_scores[row] + document_weight * document_scores[paragraph_document[row]]
        if count < rows.size:
            _lift(rows, totals, count, row, total)
            count += 1
        elif total > totals[0]:  # rows come in ascending order, so an equal total is never better
            _sink(rows, totals, count, row, total)
    for last in range(count - 1, 0, -1):
        row, total = rows[last], totals[last]
        rows[last], totals[last] = rows[0], totals[0]
        _sink(rows, totals, last, row, total)
    return count


@kernel
def _is_worse(total: float, row: int, other_total: float, other_row: int) -> bool:
    return total < other_total or (total == other_total and row > other_row)


@kernel
def _lift(rows: NDArray[np.int64], totals: NDArray[np.float32], place: int, row: int, total: float) -> None:
    """Put an entry into a heap with its worst entry on top, moving it up from the free `place`."""
    while place > 0:
        parent = (place - 1) // 2
        if not _is_worse(total, row, totals[parent], rows[parent]):
            break
        rows[place], totals[place] = rows[parent], totals[parent]
        place = parent
    rows[place], totals[place] = row, total


@kernel
def _sink(rows: NDArray[np.int64], totals: NDArray[np.float32], size: int, row: int, total: float) -> None:
    """Put an entry into a heap of `size` entries instead of its top one, moving it down."""
    place = 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and _is_worse(totals[child + 1], rows[child + 1], totals[child], rows[child]):
            child += 1
        if not _is_worse(totals[child], rows[child], total, row):
            break
        rows[place], totals[place] = rows[child], totals[child]
        place = child
    rows[place], totals[place] = row, total
