"""Check inverted lists and postings row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.shards.shard import Shard
from densephrase.terms.term_index import TermIndex

_ROWS_AT_ONCE = 262_144


RowCodes = Callable[[NDArray[Any]], NDArray[np.int8]]


def start_list_problems(lists: InvertedLists, shards: Sequence[Shard], bases: NDArray[np.int64]) -> Iterator[str]:
    """Yield what is wrong in inverted lists over the start rows of `shards`, naming column and row."""
    return list_problems(lists, int(bases[-1]), "start row", lambda ids: _start_codes(shards, bases, ids, lists))


def list_problems(lists: InvertedLists, count: int, what: str, codes_of: RowCodes) -> Iterator[str]:
    """Yield what is wrong in inverted lists over `count` rows; `codes_of` gives the codes int8 [n, d] that rows have.

    what: what messages call a row.
    """
    listed = np.bincount(lists.ids, minlength=count)
    if (listed != 1).any():
        row = int(np.argmax(listed != 1))
        yield f"column 'ids': {what} {row} stands {listed[row]} times, expected once"
    inside = np.ones(max(0, len(lists.ids) - 1), bool)
    borders = lists.list_ptr[1:-1]
    inside[borders[(borders > 0) & (borders < len(lists.ids))] - 1] = False
    unordered = inside & (lists.ids[1:] <= lists.ids[:-1])
    if unordered.any():
        yield f"column 'ids', row {int(np.argmax(unordered)) + 1}: the value does not ascend within its list"
    if lists.places.size:
        misplaced = lists.ids[lists.places] != np.arange(len(lists.ids))
        if misplaced.any():
            yield f"column 'places', row {int(np.argmax(misplaced))}: the {what} stands elsewhere"
        return
    for first in range(0, len(lists.ids), _ROWS_AT_ONCE):
        ids = lists.ids[first : first + _ROWS_AT_ONCE]
        differs = (lists.codes[first : first + len(ids)] != codes_of(ids)).any(1)
        if differs.any():
            yield f"column 'codes', row {first + int(np.argmax(differs))}: the codes are not those of their {what}"
            return


def term_problems(terms: TermIndex) -> Iterator[str]:
    """Yield what is wrong in the postings, naming column and row."""
    for unit, postings in (("paragraph", terms.paragraphs), ("document", terms.documents)):
        outside = (postings.texts < 0) | (postings.texts >= len(postings.length))
        if outside.any():
            yield f"column '{unit}_ids', row {int(np.argmax(outside))}: the value is no {unit}"
        frequencies = postings.frequencies
        if not frequencies.all():
            yield f"column '{unit}_tf', row {int(np.argmin(frequencies))}: a posting counts no term"


def _start_codes(
    shards: Sequence[Shard], bases: NDArray[np.int64], ids: NDArray[Any], lists: InvertedLists
) -> NDArray[np.int8]:
    """Return the first codes, int8 [ids, d], that the shards hold for the start rows `ids`."""
    size = lists.codes.shape[1]
    codes: NDArray[np.int8] = np.empty((len(ids), size), np.int8)
    owner = np.searchsorted(bases, ids, side="right") - 1
    for number, shard in enumerate(shards):
        mine = owner == number
        codes[mine] = shard.start_codes[ids[mine] - bases[number], :size]
    return codes
