"""Arguments of span scoring: the rows of a shard, a question, and the spans found so far."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.lowlevel.entry_sums import Entries
from densephrase.kernels.mapped import Places
from densephrase.kernels.placed_lists import PlacedLists
from densephrase.kernels.sparse import SparseQuestion, SparseRows
from densephrase.kernels.types import Bytes, Codes, Rows, Table, Weights


class StartRows(NamedTuple):
    """The start rows of a shard: those of paragraph p are `ptr[p]:ptr[p + 1]`, ascending by token."""

    ptr: Rows  # [P + 1]
    token: Places  # [S] or empty
    kept: Bytes  # [(T + 7) // 8] a bit for each token, or empty
    place: NDArray[np.int32]  # [S] row of the codes of each start; empty where they stand in order
    codes: Codes  # [N, V + r] or [N, G]
    coherency: Entries
    sparse: SparseRows
    lists: PlacedLists  # where rows of codes are what their list's centroid leaves


class EndRows(NamedTuple):
    """The end rows of a shard: those of paragraph p are `ptr[p]:ptr[p + 1]`, ascending by token."""

    ptr: Rows  # [P + 1]
    token: Places  # [E] or empty
    kept: Bytes  # [(T + 7) // 8] a bit for each token, or empty
    codes: Codes  # [E, V + r] or [E, G]
    coherency: Entries
    predicted_coherency: Entries  # of the start before an end, [G', 256, r], and
    list_coherency: NDArray[np.int16]  # [L, r] of its list, where rows are what those leave of ends
    sparse: SparseRows


class SpanQuestion(NamedTuple):
    """What a question says of starts and ends.

    A dot product with the weights of an end and `low_bits`, or a sum of entries of its table, counts `end_step`. The
    products of both quantisers' coherency scales are `coherency_scale`, below 2**24, times `coherency_step`.
    """

    start: Weights  # [2, V]
    end: Weights  # [2, V]
    start_table: Table  # [G, 256]; without groups: codes are multiplied
    end_table: Table  # [G, 256]
    start_base: float
    predicted: Weights  # [2, V] of the centroids of starts that ends are predicted from
    predicted_table: Table  # [G', 256] of those starts; without groups: nothing is predicted
    predicted_units: NDArray[np.float64]  # [3] `end_step`s in one of the table, in a product and in each prediction
    low_bits: int
    end_step: float
    coherency_scale: Rows  # [r]
    coherency_step: float
    start_sparse: SparseQuestion
    end_sparse: SparseQuestion


class SpanScores(NamedTuple):
    """What C starts and the best end of each add to its score; `end` is -1, and its parts 0, where there is none."""

    end: Rows  # [C] its row
    start_dot: Rows  # [C]
    end_dot: Rows  # [C]
    coherency: Rows  # [C]
    start_sparse: NDArray[np.float64]  # [C]
    end_sparse: NDArray[np.float64]  # [C]


class Groups(NamedTuple):
    """C starts by their paragraphs, G of them: group g has the starts `ptr[g]:ptr[g + 1]`."""

    paragraph: Rows  # [G]
    ptr: Rows  # [G + 1]
    token: Rows  # [C] of each start


class Ends(NamedTuple):
    """The ends that the starts of each group reach: those of group g are `ptr[g]:ptr[g + 1]`."""

    ptr: Rows  # [G + 1]
    row: Rows
    token: Rows
    dot: Rows
    sparse: NDArray[np.float64]
