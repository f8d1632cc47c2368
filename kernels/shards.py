"""All shards of an index for kernels: addresses of their columns, and where their rows begin."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, kernel
from densephrase.kernels.mapped import codes_at, numbers_at, place, places_at, rows_at
from densephrase.kernels.rows import prefetch_bytes
from densephrase.kernels.spans import EndRows, StartRows
from densephrase.kernels.sparse import SparseRows
from densephrase.kernels.types import Rows

# The columns of a shard that search reads, in the order of `ShardTable.address`.
COLUMNS = (
    "paragraph_start_ptr",
    "paragraph_end_ptr",
    "paragraph_token_ptr",
    "start_token",
    "start_codes",
    "start_sparse",
    "end_token",
    "end_codes",
    "end_sparse",
    "token_ids",
    "token_keys",
    "start_char",
    "end_char",
    "paragraph_document",
    "paragraph_start",
    "paragraph_end",
)
(
    _PARAGRAPH_START_PTR,
    _PARAGRAPH_END_PTR,
    _PARAGRAPH_TOKEN_PTR,
    _START_TOKEN,
    _START_CODES,
    _START_SPARSE,
    _END_TOKEN,
    _END_CODES,
    _END_SPARSE,
    _TOKEN_IDS,
    _TOKEN_KEYS,
    _START_CHAR,
    _END_CHAR,
    _PARAGRAPH_DOCUMENT,
    _PARAGRAPH_START,
    _PARAGRAPH_END,
) = range(len(COLUMNS))


class ShardTable(NamedTuple):
    """The shards of an index: S of them, with C `COLUMNS`.

    Bases number the rows of all shards in one order: those of shard s are `base[s]:base[s + 1]`.
    """

    address: Rows  # [C, S] of the first byte of each column
    is_wide: NDArray[np.bool_]  # [C, S] whether a column of places takes four bytes
    documents: Rows  # [S + 1] bases
    paragraphs: Rows  # [S + 1]
    starts: Rows  # [S + 1]
    ends: Rows  # [S + 1]
    tokens: Rows  # [S + 1]
    row_size: int  # columns of a start or end row
    sparse_rank: int  # 0: there are no sparse vectors


@kernel
def owner(bases: Rows, row: int) -> int:
    """Return the last interval that begins at or before `row`: `bases` int64[N + 1] ascends, 0 <= row < bases[N]."""
    low, high = 0, bases.size - 1
    while high - low > 1:
        middle = (low + high) // 2
        if bases[middle] <= row:
            low = middle
        else:
            high = middle
    return low


@inlined_kernel
def prefetch_pointers(table: ShardTable, shard: int, paragraph: int) -> None:
    """Ask for where a paragraph's ends and tokens begin, which is read soon."""
    prefetch_bytes(table.address[_PARAGRAPH_END_PTR, shard] + 8 * paragraph, 16)
    prefetch_bytes(table.address[_PARAGRAPH_TOKEN_PTR, shard] + 8 * paragraph, 16)


@kernel
def start_rows(table: ShardTable, shard: int) -> StartRows:
    """Return the start rows of a shard."""
    size, paragraphs = _size(table.starts, shard), _size(table.paragraphs, shard)
    address, is_wide = table.address[:, shard], table.is_wide[:, shard]
    return StartRows(
        rows_at(address[_PARAGRAPH_START_PTR], paragraphs + 1),
        places_at(address[_START_TOKEN], size, is_wide[_START_TOKEN]),
        codes_at(address[_START_CODES], size, table.row_size),
        _sparse(table, shard, 0, size),
    )


@kernel
def end_rows(table: ShardTable, shard: int) -> EndRows:
    """Return the end rows of a shard."""
    size, paragraphs = _size(table.ends, shard), _size(table.paragraphs, shard)
    address, is_wide = table.address[:, shard], table.is_wide[:, shard]
    return EndRows(
        rows_at(address[_PARAGRAPH_END_PTR], paragraphs + 1),
        places_at(address[_END_TOKEN], size, is_wide[_END_TOKEN]),
        codes_at(address[_END_CODES], size, table.row_size),
        _sparse(table, shard, 1, size),
    )


@kernel
def _sparse(table: ShardTable, shard: int, side: int, size: int) -> SparseRows:
    rank, tokens = table.sparse_rank, _size(table.tokens, shard) if table.sparse_rank else 0
    address = table.address[:, shard]
    return SparseRows(
        codes_at(address[_END_SPARSE if side else _START_SPARSE], size if rank else 0, 2 * rank),
        codes_at(address[_TOKEN_KEYS], tokens, 4 * rank),
        side,
        places_at(address[_TOKEN_IDS], tokens, table.is_wide[_TOKEN_IDS, shard]),
        rows_at(address[_PARAGRAPH_TOKEN_PTR], _size(table.paragraphs, shard) + 1),
    )


@kernel
def _size(bases: Rows, shard: int) -> int:
    return bases[shard + 1] - bases[shard]


@kernel
def document_of(table: ShardTable, shard: int, paragraph: int) -> int:
    """Return the document, numbered over all shards, of a paragraph of a shard."""
    documents = numbers_at(table.address[_PARAGRAPH_DOCUMENT, shard], _size(table.paragraphs, shard))
    return table.documents[shard] + documents[paragraph]


class Location(NamedTuple):
    """Where a span stands: its document, and code points of the document's text."""

    document: int
    start: int
    end: int
    paragraph_start: int
    paragraph_end: int


@kernel
def locate(table: ShardTable, shard: int, paragraph: int, start: int, end: int) -> Location:
    """Return where the span of a start row and an end row stands; rows are those of the shard."""
    address, is_wide = table.address[:, shard], table.is_wide[:, shard]
    paragraphs = _size(table.paragraphs, shard)
    first = np.int64(numbers_at(address[_PARAGRAPH_START], paragraphs)[paragraph])
    narrow, wide = places_at(address[_START_CHAR], _size(table.starts, shard), is_wide[_START_CHAR])
    begin = first + place(narrow, wide, start)
    narrow, wide = places_at(address[_END_CHAR], _size(table.ends, shard), is_wide[_END_CHAR])
    return Location(
        document_of(table, shard, paragraph),
        begin,
        first + place(narrow, wide, end),
        first,
        np.int64(numbers_at(address[_PARAGRAPH_END], paragraphs)[paragraph]),
    )
