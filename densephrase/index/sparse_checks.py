"""Check every entry of a shard's sparse vectors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from densephrase.index.shard import Shard, Side
from densephrase.index.shard_format import SIDES

_ROWS_AT_ONCE = 65_536


def sparse_problems(shard: Shard) -> Iterator[str]:
    """Yield what is wrong in the sparse vectors of a shard that has them, naming column and row."""
    negative = np.asarray(shard.token_ids) < 0
    if negative.any():
        yield f"column 'token_ids', row {int(np.argmax(negative))}: the value is no word piece"
    for side in SIDES:
        yield from _side_problems(shard, side)


def _side_problems(shard: Shard, side: Side) -> Iterator[str]:
    rows, row_ptr = shard.sparse(side), getattr(shard, f"paragraph_{side}_ptr")
    entry_ptr = np.concatenate([[0], np.cumsum(rows.counts, dtype=np.int64)])
    wrong = entry_ptr[row_ptr] != rows.ptr
    if wrong.any():
        yield f"column '{side}_sparse_ptr', row {int(np.argmax(wrong))}: the value is not the sum of the counts before"
        return
    tokens, pieces = getattr(shard, f"{side}_token"), np.diff(rows.piece_ptr)
    owners = np.repeat(np.arange(len(pieces)), np.diff(row_ptr))
    for first in range(0, len(tokens), _ROWS_AT_ONCE):
        mine = slice(first, first + _ROWS_AT_ONCE)
        begin, end = int(entry_ptr[first]), int(entry_ptr[min(first + _ROWS_AT_ONCE, len(tokens))])
        row = np.repeat(np.arange(len(tokens[mine])), rows.counts[mine])
        problem = _entry_problem(rows.entries[begin:end], row, tokens[mine].astype(np.int64), pieces[owners[mine]])
        if problem is not None:
            yield f"column '{side}_sparse_entries', row {begin + problem[0]}: the value {problem[1]}"
            return


def _entry_problem(
    entries: NDArray[np.int16], row: NDArray[np.int64], tokens: NDArray[np.int64], pieces: NDArray[np.int64]
) -> tuple[int, str] | None:
    """Return the first wrong entry and what is wrong with it; `row` [N] names each entry's among `tokens` [R]."""
    place = tokens[row] + (entries >> 1)
    outside = (place < 0) | (place + (entries & 1) >= pieces[row])
    if outside.any():
        return int(np.argmax(outside)), "names no n-gram of its paragraph"
    unordered = (row[1:] == row[:-1]) & (entries[1:] <= entries[:-1])
    if unordered.any():
        return int(np.argmax(unordered)) + 1, "does not ascend within its row"
    return None
