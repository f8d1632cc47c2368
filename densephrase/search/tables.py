"""What kernels are told of an index: addresses of mapped columns, lists and postings."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.index.index_reader import IndexReader
from densephrase.index.shard import Shard
from densephrase.kernels.candidates import ListTable
from densephrase.kernels.max_score import PostingTable
from densephrase.kernels.shards import COLUMNS, ShardTable
from densephrase.terms.postings import Postings


@dataclass(frozen=True, slots=True, eq=False)
class IndexTables:
    """The tables of an opened index. They hold addresses: the reader, kept here, keeps what they point to mapped."""

    reader: IndexReader
    shards: ShardTable
    lists: ListTable
    paragraphs: PostingTable
    documents: PostingTable

    @classmethod
    def of(cls, reader: IndexReader) -> IndexTables:
        """Collect the tables of an index."""
        return cls(
            reader,
            _shard_table(reader),
            _list_table(reader),
            _posting_table(reader.terms.paragraphs),
            _posting_table(reader.terms.documents),
        )

    @property
    def paragraph_document(self) -> NDArray[np.int32]:
        """The document of each paragraph, int32 [paragraphs]."""
        return self.reader.terms.paragraph_document


def _shard_table(reader: IndexReader) -> ShardTable:
    columns = [[_column(shard, name) for shard in reader.shards] for name in COLUMNS]
    quantisation, bases = reader.manifest.quantisation, reader.bases
    return ShardTable(
        address=np.array([[column.ctypes.data for column in row] for row in columns], np.int64),
        is_wide=np.array([[column.dtype == np.int32 for column in row] for row in columns], np.bool_),
        documents=bases.documents,
        paragraphs=bases.paragraphs,
        starts=bases.starts,
        ends=bases.ends,
        tokens=np.cumsum([0, *(shard.counts.tokens for shard in reader.shards)]),
        row_size=quantisation.row_size,
        sparse_rank=quantisation.sparse_rank,
    )


def _column(shard: Shard, name: str) -> np.ndarray:
    column: np.ndarray = getattr(shard, name)
    return column


def _list_table(reader: IndexReader) -> ListTable:
    lists = reader.lists
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
    return ListTable(*map(_at_address, columns))


def _at_address(column: np.ndarray) -> np.ndarray:
    """Return a mapped column as kernels see those of shards, not as read-only: they are compiled once for both."""
    if not column.size:
        return column.copy()
    memory: Any = (ctypes.c_char * column.nbytes).from_address(column.ctypes.data)
    return np.ndarray(column.shape, column.dtype, buffer=memory)


def _posting_table(postings: Postings) -> PostingTable:
    return PostingTable(postings.ptr, postings.ids, postings.tf, postings.length_norm)
