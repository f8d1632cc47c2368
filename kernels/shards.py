"""All shards of an index for kernels: addresses of their columns, and where their rows begin."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, kernel, small_kernel
from densephrase.kernels.kept import row_token
from densephrase.kernels.lowlevel.entry_sums import Entries
from densephrase.kernels.lowlevel.rows import prefetch_bytes
from densephrase.kernels.mapped import bytes_at, codes_at, numbers_at, place, places_at, rows_at
from densephrase.kernels.placed_lists import PlacedLists
from densephrase.kernels.span_rows import EndRows, StartRows
from densephrase.kernels.sparse import FactorBooks, SparseRows
from densephrase.kernels.spelling import Spelled, Vocabulary, spelled_bounds
from densephrase.kernels.types import Bytes, Codes, Rows

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
    "start_place",
    "start_kept",
    "end_kept",
    "token_forms",
    "odd_blob",
    "paragraph_odd_ptr",
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
    _START_PLACE,
    _START_KEPT,
    _END_KEPT,
    _TOKEN_FORMS,
    _ODD_BLOB,
    _PARAGRAPH_ODD_PTR,
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
    row_sizes: Rows  # [2] columns of a start and of an end row
    factor_columns: Rows  # [3] of sparse starts, sparse ends and tokens; 0: there are no sparse vectors
    start_coherency: Entries
    end_coherency: Entries
    predicted_coherency: Entries  # what the start before an end adds to it, and
    list_coherency: NDArray[np.int16]  # [L, r] its list
    query_books: Codes  # those of `FactorBooks`; a parallel kernel takes no tuples within a tuple
    key_books: Codes
    query_column: Rows
    key_column: Rows
    piece_blob: Bytes  # those of `Vocabulary`
    piece_ptr: NDArray[np.int32]
    list_ptr: Rows  # those of `PlacedLists`
    list_of_block: NDArray[np.int32]
    list_codes: Codes


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


@small_kernel
def start_rows(table: ShardTable, shard: int) -> StartRows:
    """Return the start rows of a shard."""
    size, paragraphs = _size(table.starts, shard), _size(table.paragraphs, shard)
    address, is_wide = table.address[:, shard], table.is_wide[:, shard]
    is_placed = address[_START_PLACE] != 0  # then the codes of all shards stand together
    return StartRows(
        rows_at(address[_PARAGRAPH_START_PTR], paragraphs + 1),
        places_at(address[_START_TOKEN], size if address[_START_TOKEN] else 0, is_wide[_START_TOKEN]),
        _kept(table, shard, _START_KEPT),
        numbers_at(address[_START_PLACE], size if is_placed else 0),
        codes_at(address[_START_CODES], table.starts[-1] if is_placed else size, table.row_sizes[0]),
        table.start_coherency,
        _sparse(table, shard, 0, size),
        PlacedLists(table.list_ptr, table.list_of_block, table.list_codes),
    )


@small_kernel
def end_rows(table: ShardTable, shard: int) -> EndRows:
    """Return the end rows of a shard."""
    size, paragraphs = _size(table.ends, shard), _size(table.paragraphs, shard)
    address, is_wide = table.address[:, shard], table.is_wide[:, shard]
    return EndRows(
        rows_at(address[_PARAGRAPH_END_PTR], paragraphs + 1),
        places_at(address[_END_TOKEN], size if address[_END_TOKEN] else 0, is_wide[_END_TOKEN]),
        _kept(table, shard, _END_KEPT),
        codes_at(address[_END_CODES], size, table.row_sizes[1]),
        table.end_coherency,
        table.predicted_coherency,
        table.list_coherency,
        _sparse(table, shard, 1, size),
    )


@small_kernel
def _kept(table: ShardTable, shard: int, column: int) -> Bytes:
    address = table.address[column, shard]
    return bytes_at(address, (_size(table.tokens, shard) + 7) // 8 if address else 0)


@small_kernel
def _sparse(table: ShardTable, shard: int, side: int, size: int) -> SparseRows:
    own, keys = table.factor_columns[side], table.factor_columns[2]
    tokens, address = _size(table.tokens, shard) if keys else 0, table.address[:, shard]
    return SparseRows(
        codes_at(address[_END_SPARSE if side else _START_SPARSE], size if own else 0, own),
        codes_at(address[_TOKEN_KEYS], tokens, keys),
        side,
        places_at(address[_TOKEN_IDS], tokens, table.is_wide[_TOKEN_IDS, shard]),
        rows_at(address[_PARAGRAPH_TOKEN_PTR], _size(table.paragraphs, shard) + 1),
        FactorBooks(table.query_books, table.key_books, table.query_column, table.key_column),
    )


@small_kernel
def _size(bases: Rows, shard: int) -> int:
    return bases[shard + 1] - bases[shard]


@kernel
def document_of(table: ShardTable, shard: int, paragraph: int) -> int:
    """Return the document, numbered over all shards, of a paragraph of a shard."""
    documents = numbers_at(table.address[_PARAGRAPH_DOCUMENT, shard], _size(table.paragraphs, shard))
    return table.documents[shard] + documents[paragraph]


@kernel
def paragraph_length(table: ShardTable, shard: int, paragraph: int) -> int:
    """Return how many code points a paragraph of a shard has."""
    address, paragraphs = table.address[:, shard], _size(table.paragraphs, shard)
    first = numbers_at(address[_PARAGRAPH_START], paragraphs)[paragraph]
    return np.int64(numbers_at(address[_PARAGRAPH_END], paragraphs)[paragraph]) - first


class Location(NamedTuple):
    """Where a span stands: its document, and code points of the document's text."""

    document: int
    start: int
    end: int
    paragraph_start: int
    paragraph_end: int


@kernel
def locate(table: ShardTable, shard: int, paragraph: int, start: int, end: int) -> Location:
    """Return where the span of a start row and an end row stands; rows are those of the shard.

    A span that does not lie in its paragraph, in a damaged index, is cut at its ends.
    """
    address = table.address[:, shard]
    paragraphs = _size(table.paragraphs, shard)
    first = np.int64(numbers_at(address[_PARAGRAPH_START], paragraphs)[paragraph])
    last = np.int64(numbers_at(address[_PARAGRAPH_END], paragraphs)[paragraph])
    begin, stop = _characters(table, shard, paragraph, start, end)
    begin = min(max(begin, 0), last - first)
    stop = min(max(stop, begin), last - first)
    return Location(document_of(table, shard, paragraph), first + begin, first + stop, first, last)


@kernel
def _characters(table: ShardTable, shard: int, paragraph: int, start: int, end: int) -> tuple[int, int]:
    """Return the code points of a paragraph at which a start begins and an end ends."""
    address, is_wide = table.address[:, shard], table.is_wide[:, shard]
    if not address[_TOKEN_FORMS]:
        narrow, wide = places_at(address[_START_CHAR], _size(table.starts, shard), is_wide[_START_CHAR])
        begin = place(narrow, wide, start)
        narrow, wide = places_at(address[_END_CHAR], _size(table.ends, shard), is_wide[_END_CHAR])
        return begin, place(narrow, wide, end)
    piece_ptr = rows_at(address[_PARAGRAPH_TOKEN_PTR], _size(table.paragraphs, shard) + 1)
    first, last = piece_ptr[paragraph], piece_ptr[paragraph + 1]
    start_ptr = rows_at(address[_PARAGRAPH_START_PTR], _size(table.paragraphs, shard) + 1)
    end_ptr = rows_at(address[_PARAGRAPH_END_PTR], _size(table.paragraphs, shard) + 1)
    start_token = row_token(_kept(table, shard, _START_KEPT), first, last, start - start_ptr[paragraph])
    end_token = row_token(_kept(table, shard, _END_KEPT), first, last, end - end_ptr[paragraph])
    vocabulary = Vocabulary(table.piece_blob, table.piece_ptr)
    return spelled_bounds(spelled_paragraphs(table, shard), vocabulary, paragraph, start_token, end_token)


@kernel
def spelled_paragraphs(table: ShardTable, shard: int) -> Spelled:
    """Return the paragraphs of a shard whose texts are spelled."""
    address, paragraphs, tokens = table.address[:, shard], _size(table.paragraphs, shard), _size(table.tokens, shard)
    odd_ptr = rows_at(address[_PARAGRAPH_ODD_PTR], paragraphs + 1)
    return Spelled(
        bytes_at(address[_TOKEN_FORMS], (tokens + 1) // 2),
        bytes_at(address[_ODD_BLOB], odd_ptr[-1]),
        odd_ptr,
        places_at(address[_TOKEN_IDS], tokens, table.is_wide[_TOKEN_IDS, shard]),
        rows_at(address[_PARAGRAPH_TOKEN_PTR], paragraphs + 1),
    )
