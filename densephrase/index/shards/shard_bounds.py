"""Refuse numbers that would lead a kernel, which checks no bounds, out of the columns of a shard.

What only `verify` finds makes answers wrong, but nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.format.shard_format import SIDES, STRINGS

if TYPE_CHECKING:
    from densephrase.index.shards.shard import Shard
    from densephrase.index.shards.text_shard import TextShard


def check_bounds(shard: Shard) -> None:
    """Check everything by which columns are indexed; reads no row of a start, an end or a token.

    Raises:
        IndexFormatError: naming the file and the column.
    """
    check_text_bounds(shard)
    if shard.head_offsets.size:
        _check_pointers(shard, "head_offsets", len(shard.head_blob))
    _check_pointers(shard, "paragraph_start_ptr", shard.counts.starts)
    _check_pointers(shard, "paragraph_end_ptr", shard.counts.ends)
    if shard.is_spelled:
        _check_spelled(shard)


def check_text_bounds(shard: TextShard) -> None:
    """Check everything by which columns of documents and paragraphs are indexed.

    Raises:
        IndexFormatError: naming the file and the column.
    """
    counts = shard.counts
    for name in STRINGS:
        if getattr(shard, f"{name}_offsets").size:
            _check_pointers(shard, f"{name}_offsets", len(getattr(shard, f"{name}_blob")))
    _check_pointers(shard, "document_paragraph_ptr", counts.paragraphs)
    owner = shard.paragraph_document
    if owner.size and not 0 <= owner.min() <= owner.max() < counts.documents:
        raise _damage(shard, f"column 'paragraph_document' names rows outside 0 to {counts.documents - 1}")
    if not np.array_equal(owner, np.repeat(np.arange(counts.documents), np.diff(shard.document_paragraph_ptr))):
        raise _damage(
            shard, "column 'paragraph_document' gives paragraphs to others than 'document_paragraph_ptr' does"
        )
    turned = (shard.paragraph_start < 0) | (shard.paragraph_end < shard.paragraph_start)
    if turned.any():
        raise _damage(shard, f"column 'paragraph_end', row {int(np.argmax(turned))}: the value ends no piece of a text")
    if np.any(shard.paragraph_tokens < 0) or shard.paragraph_token_ptr[-1] != counts.tokens:
        raise _damage(shard, f"column 'paragraph_tokens' does not add up to {counts.tokens} tokens")


def _check_spelled(shard: Shard) -> None:
    """Check that each row has a token: a kernel looks for as many bits as its paragraph has rows."""
    _check_pointers(shard, "paragraph_odd_ptr", len(shard.odd_blob))
    for side in SIDES:
        pointers = getattr(shard, f"paragraph_{side}_ptr")
        if np.any(np.diff(pointers) > shard.paragraph_tokens):
            raise _damage(shard, f"column 'paragraph_{side}_ptr' gives a paragraph more rows than it has tokens")
        bits = _set_bits(getattr(shard, f"{side}_kept"))
        if bits != pointers[-1]:
            raise _damage(shard, f"column '{side}_kept' has {bits} bits for {pointers[-1]} rows")


def _set_bits(column: NDArray[np.uint8]) -> int:
    """Count the bits of a column that are set, eight bytes at once."""
    whole = len(column) // 8 * 8
    words, rest = column[:whole].view(np.uint64), column[whole:]
    return int(np.bitwise_count(words).sum(dtype=np.int64)) + int(np.bitwise_count(rest).sum(dtype=np.int64))


def _check_pointers(shard: TextShard, name: str, rows: int) -> None:
    pointers = getattr(shard, name)
    if pointers[0] != 0 or pointers[-1] != rows or np.any(pointers[1:] < pointers[:-1]):
        raise _damage(shard, f"column {name!r} does not ascend from 0 to {rows}")


def _damage(shard: TextShard, problem: str) -> IndexFormatError:
    return IndexFormatError(f"{shard.path}: {problem}; rebuild the index")
