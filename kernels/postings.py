"""Postings: the inverted rows of terms."""

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
