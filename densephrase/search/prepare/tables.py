"""Tables of an index for kernels: addresses of mapped columns, lists and postings."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.index.compact.spelling import WordPieces
from densephrase.index.index_reader import IndexReader
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.kernels.candidates import ListTable
from densephrase.kernels.max_score import PostingTable
from densephrase.kernels.paragraph_texts import write_paragraphs
from densephrase.kernels.placed_lists import lists_of_blocks
from densephrase.kernels.shards import COLUMNS, ShardTable
from densephrase.kernels.sparse import no_factor_books
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.prepare.coherency import CoherencyScale
from densephrase.terms.postings import Postings

_PARAGRAPH_BYTES = 2048  # for which there is room at first


@dataclass(frozen=True, slots=True, eq=False)
class IndexTables:
    """The tables of an opened index. They hold addresses: the reader, kept here, keeps what they point to mapped."""

    reader: IndexReader
    shards: ShardTable
    lists: ListTable
    paragraphs: PostingTable
    documents: PostingTable
    coherency: CoherencyScale

    @classmethod
    def of(cls, reader: IndexReader, quantisers: tuple[VectorQuantiser, VectorQuantiser]) -> IndexTables:
        """Collect the tables of an index; `quantisers` are those of the encoder's start and end rows."""
        lists, size = list_table(reader.lists), reader.manifest.quantisation.vector_size
        coherency = CoherencyScale.of(quantisers, reader.products, size, lists.list_codes)
        return cls(
            reader,
            _shard_table(reader, lists, coherency),
            lists,
            posting_table(reader.terms.paragraphs),
            posting_table(reader.terms.documents),
            coherency,
        )

    @property
    def paragraph_document(self) -> NDArray[np.int32]:
        """The document of each paragraph, int32 [paragraphs]."""
        return self.reader.terms.paragraph_document

    def paragraph_texts(self, rows: Sequence[int]) -> list[str]:
        """Return the texts of the paragraphs of global `rows`.

        Raises:
            IndexFormatError: if their bytes are damaged.
        """
        if self.reader.codebooks is None:
            return [self.reader.paragraph_text(row) for row in rows]
        paragraphs = np.array(rows, np.int64)
        ptr, lengths = np.empty(len(rows) + 1, np.int64), np.empty(len(rows), np.int64)
        written = np.empty(_PARAGRAPH_BYTES * len(rows), np.uint8)
        write_paragraphs(self.shards, paragraphs, written, ptr, lengths)
        texts, parts = memoryview(written.data), zip(pairwise(ptr.tolist()), lengths.tolist(), strict=True)
        try:
            if ptr[-1] <= written.size:
                found = [str(texts[first:last], "utf-8", "surrogatepass")[:length] for (first, last), length in parts]
                if list(map(len, found)) == lengths.tolist():
                    return found
        except UnicodeDecodeError:
            pass
        return [self.reader.paragraph_text(row) for row in rows]  # which are too long, or one of them is damaged


def _shard_table(reader: IndexReader, lists: ListTable, coherency: CoherencyScale) -> ShardTable:
    columns = [[_column(reader, shard, name) for shard in range(len(reader.shards))] for name in COLUMNS]
    quantisation, bases = reader.manifest.quantisation, reader.bases
    books = no_factor_books() if reader.codebooks is None else reader.codebooks.factor_books
    vocabulary = (WordPieces(()) if reader.codebooks is None else reader.codebooks.pieces).table
    return ShardTable(
        address=np.array([[_address(column) for column in row] for row in columns], np.int64),
        is_wide=np.array([[column.dtype == np.int32 for column in row] for row in columns], np.bool_),
        documents=bases.documents,
        paragraphs=bases.paragraphs,
        starts=bases.starts,
        ends=bases.ends,
        tokens=np.cumsum([0, *(shard.counts.tokens for shard in reader.shards)]),
        row_sizes=np.array(quantisation.row_sizes, np.int64),
        factor_columns=np.array(quantisation.factor_columns, np.int64),
        start_coherency=coherency.start_entries,
        end_coherency=coherency.end_entries,
        predicted_coherency=coherency.predicted_entries,
        list_coherency=coherency.lists,
        query_books=books.queries,
        key_books=books.keys,
        query_column=books.query_column,
        key_column=books.key_column,
        piece_blob=vocabulary.blob,
        piece_ptr=vocabulary.ptr,
        list_ptr=lists.ptr,
        list_of_block=lists_of_blocks(lists.ptr if reader.products else np.zeros(1, np.int64)),
        list_codes=lists.list_codes,
    )


def _column(reader: IndexReader, shard: int, name: str) -> np.ndarray:
    """Return a column of a shard as kernels find it: codes may stand in the lists, at places, or with all ends."""
    lists = reader.lists
    if name == "end_codes" and reader.ends is not None:
        return reader.ends.codes[reader.bases.ends[shard] : reader.bases.ends[shard + 1]]
    has_places = lists is not None and lists.places.size > 0
    if name == "start_place":
        first, last = reader.bases.starts[shard : shard + 2]
        return lists.places[first:last] if lists is not None and has_places else np.empty(0, np.int32)
    if name == "start_codes" and lists is not None and has_places:
        return lists.codes
    column: np.ndarray = getattr(reader.shards[shard], name)
    return column


def _address(column: np.ndarray) -> int:
    return int(column.ctypes.data) if column.size else 0


def list_table(lists: InvertedLists | None) -> ListTable:
    """Return inverted lists as kernels take them, empty where there are none."""
    if lists is None:
        codes, pointers = np.empty((0, 0), np.int8), np.zeros(1, np.int64)
        return ListTable(codes, np.empty(0, np.int32), pointers, codes, codes, pointers)
    columns = (
        lists.codes,
        lists.ids,
        lists.list_ptr,
        lists.tree.list_codes,
        lists.tree.group_codes,
        lists.tree.group_ptr,
    )
    return ListTable(*map(at_address, columns))


def at_address(column: np.ndarray) -> np.ndarray:
    """Return a mapped column as kernels see those of shards, not as read-only: they are compiled once for both."""
    if not column.size:
        return column.copy()
    memory: Any = (ctypes.c_char * column.nbytes).from_address(column.ctypes.data)
    return np.ndarray(column.shape, column.dtype, buffer=memory)


def posting_table(postings: Postings) -> PostingTable:
    """Return postings as kernels take them."""
    return PostingTable(postings.ptr, postings.ids, postings.tf, postings.length_norm, postings.shift)
