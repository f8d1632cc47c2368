"""Check every row of a shard against the others: what opening takes on trust."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.format.shard_format import SIDES
from densephrase.index.shards.shard import Shard
from densephrase.index.shards.text_shard import TextShard


def shard_problems(shard: Shard, seen_ids: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong in a shard, naming column and row; `seen_ids` maps each document id met so far to its place.

    Of each kind of problem only the first row is named.
    """
    yield from text_problems(shard, seen_ids)
    yield from _first("token_ids", shard.token_ids < 0, "is no word piece")
    for side in SIDES:
        if shard.is_spelled:
            yield from _kept_problems(shard, side)
            continue
        yield from _row_problems(shard, side, _owners(getattr(shard, f"paragraph_{side}_ptr")))


def text_problems(shard: TextShard, seen_ids: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong in the documents and paragraphs of a shard, as `shard_problems` does."""
    lengths, begins = np.zeros(shard.counts.documents, np.int64), shard.paragraph_byte.copy()
    starts = shard.paragraph_start.astype(np.int64)
    for row in range(shard.counts.documents):
        try:
            document = shard.document(row)
            text, mine = document.text, slice(*shard.document_paragraph_ptr[row : row + 2].tolist())
            if isinstance(shard, Shard) and shard.is_spelled:
                starts[mine] = _spelled_starts(shard, mine, len(text))
        except IndexFormatError as error:
            yield f"document row {row}: {error}"
            continue
        lengths[row] = len(text)
        if not shard.is_spelled:
            begins[mine] = shard.text_offsets[row] + _bytes_before(text, shard.paragraph_start[mine])
        place = f"{shard.path.name} row {row}"
        if seen_ids.setdefault(document.id, place) != place:
            yield f"column 'document_id', row {row}: id {document.id!r} also stands in {seen_ids[document.id]}"
    yield from _paragraph_problems(shard, lengths)
    yield from _first("paragraph_start", shard.paragraph_start != starts, "is not where the paragraph's text begins")
    yield from _first("paragraph_byte", shard.paragraph_byte != begins, "is not where the paragraph's text begins")


def _paragraph_problems(shard: TextShard, lengths: NDArray[np.int64]) -> Iterator[str]:
    start, end, document = shard.paragraph_start, shard.paragraph_end, shard.paragraph_document
    owners = _owners(shard.document_paragraph_ptr)
    yield from _first("paragraph_document", document != owners, "is not the document that owns the paragraph")
    outside = (start < 0) | (start >= end) | (end > lengths[owners])
    yield from _first("paragraph_end", outside, "does not end a piece of its document's text")
    overlaps = np.zeros(len(start), bool)
    overlaps[1:] = (owners[1:] == owners[:-1]) & (start[1:] < end[:-1])
    yield from _first("paragraph_start", overlaps, "lies before the end of the paragraph before it")
    yield from _first("paragraph_tokens", shard.paragraph_tokens < 0, "is negative")
    if shard.paragraph_tokens.sum(dtype=np.int64) != shard.counts.tokens:
        yield f"column 'paragraph_tokens' does not add up to {shard.counts.tokens}"


def _spelled_starts(shard: Shard, paragraphs: slice, length: int) -> NDArray[np.int64]:
    """Return where the spelled paragraphs of a document begin in its text, of which they take the last part."""
    lengths = [len(shard.spelled_paragraph(row)) for row in range(paragraphs.start, paragraphs.stop)]
    return length - np.cumsum(lengths[::-1], dtype=np.int64)[::-1]


def _bytes_before(text: str, places: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return how many bytes of UTF-8 stand before each place, in code points, of a text; all of them beyond its end."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    sizes = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
    before = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    chosen: NDArray[np.int64] = before[np.clip(places, 0, len(text))]
    return chosen


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


def _kept_problems(shard: Shard, side: str) -> Iterator[str]:
    bits = np.unpackbits(getattr(shard, f"{side}_kept"), bitorder="little")
    if bits[shard.counts.tokens :].any():
        yield f"column '{side}_kept' has a bit for a token behind the last one, {shard.counts.tokens - 1}"
    kept = np.concatenate([[0], np.cumsum(bits, dtype=np.int64)])[shard.paragraph_token_ptr]
    pointers = getattr(shard, f"paragraph_{side}_ptr")
    yield from _first(f"paragraph_{side}_ptr", np.diff(kept) != np.diff(pointers), f"does not fit '{side}_kept'")


def _owners(pointers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the number of the range that holds it."""
    return np.repeat(np.arange(len(pointers) - 1), np.diff(pointers))


def _first(column: str, is_wrong: NDArray[np.bool_], problem: str) -> Iterator[str]:
    if is_wrong.any():
        row = int(np.argmax(is_wrong))
        others = int(is_wrong.sum()) - 1
        yield f"column {column!r}, row {row}: the value {problem}" + (f" (and {others} more rows)" if others else "")
