"""Check every row of a shard against the others: what opening takes on trust."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.shard import Shard
from densephrase.index.shard_format import SIDES


def shard_problems(shard: Shard, seen_ids: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong in a shard, naming column and row; `seen_ids` maps each document id met so far to its place.

    Of each kind of problem only the first row is named.
    """
    lengths = np.zeros(shard.counts.documents, np.int64)
    for row in range(shard.counts.documents):
        try:
            document = shard.document(row)
        except IndexFormatError as error:
            yield f"document row {row}: {error}"
            continue
        lengths[row] = len(document.text)
        place = f"{shard.path.name} row {row}"
        if seen_ids.setdefault(document.id, place) != place:
            yield f"column 'document_id', row {row}: id {document.id!r} also stands in {seen_ids[document.id]}"
    yield from _paragraph_problems(shard, lengths)
    for side in SIDES:
        yield from _row_problems(shard, side, _owners(getattr(shard, f"paragraph_{side}_ptr")))


def _paragraph_problems(shard: Shard, lengths: NDArray[np.int64]) -> Iterator[str]:
    start, end, document = shard.paragraph_start, shard.paragraph_end, shard.paragraph_document
    owners = _owners(shard.document_paragraph_ptr)
    yield from _first("paragraph_document", document != owners, "is not the document that owns the paragraph")
    outside = (start < 0) | (start >= end) | (end > lengths[owners])
    yield from _first("paragraph_end", outside, "does not end a piece of its document's text")
    overlaps = np.zeros(len(start), bool)
    overlaps[1:] = (owners[1:] == owners[:-1]) & (start[1:] < end[:-1])
    yield from _first("paragraph_start", overlaps, "lies before the end of the paragraph before it")
    yield from _first("paragraph_tokens", shard.paragraph_tokens < 0, "is negative")
    yield from _first("token_ids", shard.token_ids < 0, "is no word piece")
    if shard.paragraph_tokens.sum(dtype=np.int64) != shard.counts.tokens:
        yield f"column 'paragraph_tokens' does not add up to {shard.counts.tokens}"


def _row_problems(shard: Shard, side: str, owners: NDArray[np.int64]) -> Iterator[str]:
    token, char = getattr(shard, f"{side}_token"), getattr(shard, f"{side}_char")
    length = (shard.paragraph_end - shard.paragraph_start)[owners]
    outside = (char < 0) | (char >= length) if side == "start" else (char <= 0) | (char > length)
    yield from _first(f"{side}_char", outside, "lies outside its paragraph")
    unknown = (token < 0) | (token >= shard.paragraph_tokens[owners])
    yield from _first(f"{side}_token", unknown, "is no token of its paragraph")
    unordered = np.zeros(len(token), bool)
    unordered[1:] = (owners[1:] == owners[:-1]) & (token[1:] <= token[:-1])
    yield from _first(f"{side}_token", unordered, "does not ascend within its paragraph")


def _owners(pointers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the number of the range that holds it."""
    return np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))


def _first(column: str, is_wrong: NDArray[np.bool_], problem: str) -> Iterator[str]:
    if is_wrong.any():
        row = int(np.argmax(is_wrong))
        others = int(is_wrong.sum()) - 1
        yield f"column {column!r}, row {row}: the value {problem}" + (f" (and {others} more rows)" if others else "")
