"""A shard: documents, paragraphs and their kept start and end rows, as mapped columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.columns import map_columns
from densephrase.index.manifest import Counts, Quantisation
from densephrase.index.shard_format import COLUMNS, SPARSE_COLUMNS, STRINGS, Side, column_lengths
from densephrase.index.strings import StringColumn
from densephrase.kernels.mapped import Places
from densephrase.kernels.sparse import SparseRows


@dataclass(frozen=True, eq=False)
class Shard:
    """The mapped columns of a shard; rows are numbered within it.

    `paragraph_byte` is where a paragraph begins in `text_blob`. `start_char` and `end_char` (exclusive) are code points
    of the paragraph's text, token numbers count the paragraph's word pieces. The rows of paragraph p are
    `paragraph_start_ptr[p]:paragraph_start_ptr[p + 1]` of the start columns and the same of the end columns, ascending
    by token. The columns of sparse vectors, described at `densephrase.kernels.sparse.SparseRows`, are empty in an index
    without them.
    """

    path: Path
    counts: Counts
    document_id_blob: NDArray[np.uint8]
    document_id_offsets: NDArray[np.int64]
    title_blob: NDArray[np.uint8]
    title_offsets: NDArray[np.int64]
    text_blob: NDArray[np.uint8]
    text_offsets: NDArray[np.int64]
    metadata_blob: NDArray[np.uint8]
    metadata_offsets: NDArray[np.int64]
    document_paragraph_ptr: NDArray[np.int64]
    paragraph_document: NDArray[np.int32]
    paragraph_start: NDArray[np.int32]
    paragraph_end: NDArray[np.int32]
    paragraph_byte: NDArray[np.int64]
    paragraph_tokens: NDArray[np.int32]
    paragraph_start_ptr: NDArray[np.int64]
    paragraph_end_ptr: NDArray[np.int64]
    start_token: NDArray[np.uint16] | NDArray[np.int32]
    start_char: NDArray[np.uint16] | NDArray[np.int32]
    start_codes: NDArray[np.int8]
    end_token: NDArray[np.uint16] | NDArray[np.int32]
    end_char: NDArray[np.uint16] | NDArray[np.int32]
    end_codes: NDArray[np.int8]
    token_ids: NDArray[np.uint16] | NDArray[np.int32]
    token_keys: NDArray[np.int8]
    start_sparse: NDArray[np.int8]
    end_sparse: NDArray[np.int8]

    @classmethod
    def open(cls, path: Path, counts: Counts, quantisation: Quantisation) -> Shard:
        """Map the shard at `path` after checking types, sizes and every number that is used as a row number.

        Raises:
            IndexFormatError: if a column is missing or does not fit the manifest's counts and the other columns.
        """
        columns = map_columns(path)
        lengths = column_lengths(counts, quantisation)
        stored = {**COLUMNS, **SPARSE_COLUMNS} if quantisation.sparse_rank else COLUMNS
        arrays = {
            name: columns.require(name, dtypes, tuple(lengths[length] for length in shape))
            for name, (dtypes, shape) in stored.items()
        }
        missing = {name: np.empty((0,) * len(shape), dtypes[0]) for name, (dtypes, shape) in SPARSE_COLUMNS.items()}
        shard = cls(path=path, counts=counts, **{**missing, **arrays})
        shard._check_rows()
        if quantisation.sparse_rank:
            shard._check_sparse()
        return shard

    @cached_property
    def document_ids(self) -> StringColumn:
        """Ids of the documents, decoded when asked for."""
        return self._strings("document_id")

    @cached_property
    def titles(self) -> StringColumn:
        """Titles of the documents, "" where there is none."""
        return self._strings("title")

    @cached_property
    def texts(self) -> StringColumn:
        """Texts of the documents."""
        return self._strings("text")

    @cached_property
    def metadata_json(self) -> StringColumn:
        """Metadata of the documents as JSON objects."""
        return self._strings("metadata")

    def _strings(self, name: str) -> StringColumn:
        columns = getattr(self, f"{name}_blob"), getattr(self, f"{name}_offsets")
        return StringColumn(*columns, f"{self.path}: column '{name}_blob'")

    @cached_property
    def paragraph_token_ptr(self) -> NDArray[np.int64]:
        """First token of each paragraph among those of all, int64 [P + 1]."""
        return np.concatenate([[0], np.cumsum(self.paragraph_tokens, dtype=np.int64)])

    def sparse(self, side: Side) -> SparseRows:
        """Return the sparse vectors of the starts or of the ends."""
        queries, number = (self.start_sparse, 0) if side == "start" else (self.end_sparse, 1)
        return SparseRows(queries, self.token_keys, number, Places.of(self.token_ids), self.paragraph_token_ptr)

    def document(self, row: int) -> Document:
        """Return the document in `row`, read from the disk now.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged.
        """
        return Document(self.document_ids[row], self.texts[row], self.titles[row], self._metadata(row))

    def paragraph_text(self, row: int) -> str:
        """Return the text of the paragraph in `row`, without reading the rest of its document.

        Raises:
            IndexFormatError: if its bytes are damaged.
        """
        document = int(self.paragraph_document[row])
        is_last = row + 1 == self.document_paragraph_ptr[document + 1]
        last = self.text_offsets[document + 1] if is_last else self.paragraph_byte[row + 1]
        return self.texts.decode(int(self.paragraph_byte[row]), int(last))[
            : int(self.paragraph_end[row] - self.paragraph_start[row])
        ]

    def _metadata(self, row: int) -> dict[str, Any]:
        try:
            metadata = json.loads(self.metadata_json[row])
        except (ValueError, RecursionError) as error:
            raise IndexFormatError(f"{self.path}: metadata of document row {row} is damaged ({error})") from error
        if not isinstance(metadata, dict):
            raise IndexFormatError(f"{self.path}: metadata of document row {row} is no JSON object")
        return metadata

    def _check_rows(self) -> None:
        """Refuse row numbers that would lead a kernel, which checks no bounds, out of its arrays."""
        for name in STRINGS:
            self._check_pointers(f"{name}_offsets", len(getattr(self, f"{name}_blob")))
        self._check_pointers("document_paragraph_ptr", self.counts.paragraphs)
        self._check_pointers("paragraph_start_ptr", self.counts.starts)
        self._check_pointers("paragraph_end_ptr", self.counts.ends)
        owner, documents = self.paragraph_document, self.counts.documents
        if owner.size and not 0 <= owner.min() <= owner.max() < documents:
            raise IndexFormatError(
                f"{self.path}: column 'paragraph_document' names rows outside 0 to {documents - 1}; rebuild the index"
            )

    def _check_sparse(self) -> None:
        """Do the same for sparse vectors, which follow the tokens of their paragraph."""
        if np.any(self.paragraph_tokens < 0) or self.paragraph_token_ptr[-1] != self.counts.tokens:
            raise IndexFormatError(
                f"{self.path}: column 'paragraph_tokens' does not add up to {self.counts.tokens} tokens; rebuild the "
                "index"
            )

    def _check_pointers(self, name: str, rows: int) -> None:
        pointers = getattr(self, name)
        if pointers[0] != 0 or pointers[-1] != rows or np.any(pointers[1:] < pointers[:-1]):
            raise IndexFormatError(f"{self.path}: column {name!r} does not ascend from 0 to {rows}; rebuild the index")
