"""At which tokens of a paragraph its rows stand: as numbers, or as a bit for each token."""

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel
from densephrase.kernels.mapped import place
from densephrase.kernels.types import Bytes, Rows


@inlined_kernel
def row_tokens(
    narrow: NDArray[np.uint16],
    wide: NDArray[np.int32],
    kept: Bytes,
    first_row: int,
    last_row: int,
    first_token: int,
    last_token: int,
    tokens: Rows,
) -> None:
    """Write the tokens of the rows `[first_row, last_row)` of a paragraph, all that it has, to `tokens` int64[rows].

    `narrow` and `wide` are the `Places` of rows; where they are empty, bit t of `kept` says whether token t, counted
    over all paragraphs, has a row, and `[first_token, last_token)` are those of the paragraph. Rows without a bit, in a
    damaged index, stand behind its last token.
    """
    rows, found = last_row - first_row, 0
    if kept.size:
        for token in range(first_token, last_token):
            if found < rows and kept[token >> 3] >> (token & 7) & 1:
                tokens[found] = token - first_token
                found += 1
        tokens[found:rows] = last_token - first_token
    else:
        for row in range(rows):
            tokens[row] = place(narrow, wide, first_row + row)


@inlined_kernel
def row_token(kept: Bytes, first_token: int, last_token: int, row: int) -> int:
    """Return the token of a row of a paragraph with bits, as `row_tokens` does of all its rows."""
    left = row
    for token in range(first_token, last_token):
        if kept[token >> 3] >> (token & 7) & 1:
            if not left:
                return token - first_token
            left -= 1
    return last_token - first_token
