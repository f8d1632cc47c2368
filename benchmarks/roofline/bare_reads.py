"""Kernels that read the bytes that a kernel of the search reads, and merely add them up as 64-bit words."""

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.lowlevel.rows import prefetch_bytes, prefetch_row
from densephrase.kernels.mapped import rows_at

BLOCK = 8  # cache lines that are read one after the other from a stream

Lines = NDArray[np.int8]  # [N, 64]
Words = NDArray[np.int64]


@kernel
def read_ranges(lines: Lines, words: Words, range_ptr: NDArray[np.int64], streams: int, ahead: int) -> int:
    """Add up the words int64[8 * N] of ranges of cache lines, int64[R, 2].

    Each range is read as several streams, which ask for lines `ahead` of the one they read (0: they don't).
    """
    total = 0
    for interval in range(range_ptr.shape[0]):
        begin, end = range_ptr[interval, 0], range_ptr[interval, 1]
        length = (end - begin) // (streams * BLOCK) * BLOCK
        for step in range(begin, begin + length, BLOCK):
            for stream in range(streams):
                line = step + stream * length
                if ahead:
                    prefetch_row(lines, line + ahead, 64 * BLOCK)
                for word in range(8 * BLOCK):
                    total += words[8 * line + word]
        for word in range(8 * (begin + streams * length), 8 * end):
            total += words[word]
    return total


@kernel
def read_rows(codes: NDArray[np.int8], words: Words, rows: NDArray[np.int64], ahead: int) -> int:
    """Add up the words int64[N, D / 8] of selected rows of `codes` int8[N, D].

    It asks for the row that stands `ahead` places further on in `rows` (0: it doesn't).
    """
    total = 0
    for position in range(rows.size):
        if ahead and position + ahead < rows.size:
            prefetch_row(codes, rows[position + ahead], codes.shape[1])
        row = rows[position]
        for word in range(words.shape[1]):
            total += words[row, word]
    return total


@kernel
def read_pieces(first: NDArray[np.int64], count: NDArray[np.int64], ahead: int) -> int:
    """Add up the words of some pieces of memory: `count` int64[P] words from the addresses `first` int64[P] on.

    It asks for the piece that stands `ahead` places further on (0: it doesn't).
    """
    total = 0
    for piece in range(first.size):
        if ahead and piece + ahead < first.size:
            prefetch_bytes(first[piece + ahead], 8 * count[piece + ahead])
        words = rows_at(first[piece], count[piece])
        for word in range(words.size):
            total += words[word]
    return total
