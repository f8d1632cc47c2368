"""Prediction of end rows from the starts before them: see `densephrase.quantise.end_prediction`.

Many ends share the start before them, whose part is found once.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.gather import gather_dots
from densephrase.kernels.kept import row_tokens
from densephrase.kernels.lowlevel.entry_sums import add_entries
from densephrase.kernels.placed_lists import lists_of
from densephrase.kernels.product_quantisation import gather_products
from densephrase.kernels.span_rows import EndRows, Ends, Groups, SpanQuestion, StartRows
from densephrase.kernels.types import Rows


class Preceding(NamedTuple):
    """The N starts that are the last ones at or before some ends, by the rows of their codes and their lists."""

    place: Rows  # [N]
    owner: Rows  # [N]
    of_end: Rows  # [E] which of them is before each end; -1 where its paragraph has none


@kernel
def no_preceding() -> Preceding:
    """Return no starts, of no ends."""
    return Preceding(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64))


@kernel
def preceding_starts(groups: Groups, ends: Ends, start_rows: StartRows) -> Preceding:
    """Find the starts before some ends in product-quantised rows."""
    (narrow, wide), kept, row_ptr, piece_ptr = (
        start_rows.token,
        start_rows.kept,
        start_rows.ptr,
        start_rows.sparse.piece_ptr,
    )
    most = 0
    for paragraph in groups.paragraph:
        most = max(most, row_ptr[paragraph + 1] - row_ptr[paragraph])
    mine, place, of_end = np.empty(most, np.int64), np.empty(ends.row.size, np.int64), np.empty(ends.row.size, np.int64)
    count = 0
    for group in range(groups.paragraph.size):
        paragraph = groups.paragraph[group]
        first, last = row_ptr[paragraph], row_ptr[paragraph + 1]
        row_tokens(narrow, wide, kept, first, last, piece_ptr[paragraph], piece_ptr[paragraph + 1], mine)
        before = known = 0  # starts at or before an end, and before the one before it
        for end in range(ends.ptr[group], ends.ptr[group + 1]):
            while before < last - first and mine[before] <= ends.token[end]:
                before += 1
            if before > known:
                place[count] = start_rows.place[first + before - 1]
                count, known = count + 1, before
            of_end[end] = count - 1 if before else -1
    place = place[:count]
    return Preceding(place, lists_of(place, start_rows.lists), of_end)


@kernel
def add_predictions(preceding: Preceding, start_rows: StartRows, question: SpanQuestion, products: Rows) -> None:
    """Add to the products of ends with a question, int64[E], those of what the starts before them say of them."""
    table, step, base = question.predicted_table, question.predicted_units[0], question.predicted_units[1]
    added, bases = np.empty(preceding.place.size, np.int64), np.empty(preceding.place.size, np.int64)
    gather_products(start_rows.codes, preceding.place, question.predicted, question.low_bits, table, added)
    gather_dots(start_rows.lists.codes, preceding.owner, question.predicted, question.low_bits, bases)
    bias = np.int64(np.rint(question.predicted_units[2]))
    for start in range(added.size):
        added[start] = np.int64(np.rint(added[start] * step)) + np.int64(np.rint(bases[start] * base)) + bias
    for end in range(products.size):
        if preceding.of_end[end] >= 0:
            products[end] += added[preceding.of_end[end]]


@kernel
def predicted_coherency(preceding: Preceding, start_rows: StartRows, end_rows: EndRows) -> NDArray[np.int16]:
    """Return the coherency columns that starts predict of ends, int16[N, r]."""
    codes, entries, lists = start_rows.codes, end_rows.predicted_coherency, end_rows.list_coherency
    values = np.empty((preceding.place.size, lists.shape[1]), np.int16)
    for start in range(values.shape[0]):
        add_entries(codes, preceding.place[start], entries, values[start])
        for column in range(values.shape[1]):
            values[start, column] += lists[preceding.owner[start], column]
    return values
