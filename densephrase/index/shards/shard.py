"""A shard: documents, paragraphs and their kept start and end rows, as mapped columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.compact.codebooks import Codebooks
from densephrase.index.compact.spelling import spelled_text
from densephrase.index.format.index_parts import Counts, Quantisation
from densephrase.index.format.shard_format import SHARD_COLUMNS, Side, column_lengths, row_lengths, stored_columns
from densephrase.index.shards.shard_bounds import check_bounds
from densephrase.index.shards.text_shard import TextShard
from densephrase.kernels.mapped import Places
from densephrase.kernels.sparse import SparseRows, no_factor_books
from densephrase.kernels.spelling import Spelled
from densephrase.storage.columns import map_columns
from densephrase.storage.strings import StringColumn


@dataclass(frozen=True, eq=False)
class Shard(TextShard):
    """The mapped columns of a shard; rows are numbered within it.

    `start_char` and `end_char` (exclusive) are code points
    of the paragraph's text, token numbers count the paragraph's word pieces. The rows of paragraph p are
    `paragraph_start_ptr[p]:paragraph_start_ptr[p + 1]` of the start columns and the same of the end columns, ascending
    by token. The columns of sparse vectors, described at `densephrase.kernels.sparse.SparseRows`, are empty in an index
    without them, and `start_codes` where inverted lists hold them. Codes come as int8 whatever their type.

    A compact index has no texts, token numbers and characters: texts are spelled (see
    `densephrase.index.compact.spelling`), with what stands before a document's first paragraph in `head_blob` and what
    stands behind a paragraph at its end; a bit for each token in `start_kept` and `end_kept`, the lowest first, says
    whether it has a row.
    """

    counts: Counts
    codebooks: Codebooks | None
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
    head_blob: NDArray[np.uint8]
    head_offsets: NDArray[np.int64]
    token_forms: NDArray[np.uint8]
    odd_blob: NDArray[np.uint8]
    paragraph_odd_ptr: NDArray[np.int64]
    start_kept: NDArray[np.uint8]
    end_kept: NDArray[np.uint8]

    @classmethod
    def open(
        cls,
        path: Path,
        counts: Counts,
        quantisation: Quantisation,
        codebooks: Codebooks | None = None,
        is_random: bool = False,
    ) -> Shard:
        """Map the shard at `path` after checking types, sizes and every number that is used as a row number.

        codebooks: those of a compact index.
        is_random: whether its rows are read here and there: see `MappedColumns.expect_random`.

        Raises:
            IndexFormatError: if a column is missing or does not fit the manifest's counts and the other columns.
        """
        columns = map_columns(path)
        lengths = {**column_lengths(counts), **row_lengths(counts, quantisation)}
        arrays = {
            name: columns.require(name, dtypes, tuple(lengths[length] for length in shape))
            for name, (dtypes, shape) in stored_columns(quantisation).items()
        }
        codes = {
            name: arrays[name].view(np.int8)
            for name, (dtypes, _) in SHARD_COLUMNS.items()
            if name in arrays and "int8" in dtypes
        }
        missing = {name: np.empty((0,) * len(shape), dtypes[0]) for name, (dtypes, shape) in SHARD_COLUMNS.items()}
        shard = cls(path=path, counts=counts, codebooks=codebooks, **{**missing, **arrays, **codes})
        check_bounds(shard)
        if is_random:
            columns.expect_random()
        return shard

    @property
    def is_spelled(self) -> bool:
        """Whether texts are written as word pieces."""
        return self.codebooks is not None

    @cached_property
    def _heads(self) -> StringColumn:
        return self._strings("head")

    def sparse(self, side: Side) -> SparseRows:
        """Return the sparse vectors of the starts or of the ends."""
        queries, number = (self.start_sparse, 0) if side == "start" else (self.end_sparse, 1)
        books = no_factor_books() if self.codebooks is None else self.codebooks.factor_books
        return SparseRows(queries, self.token_keys, number, Places.of(self.token_ids), self.paragraph_token_ptr, books)

    def text(self, row: int) -> str:
        """Return the text of the document in `row`.

        Raises:
            IndexFormatError: if its bytes are damaged.
        """
        if not self.is_spelled:
            return super().text(row)
        return self._heads[row] + self._spelled_text(*self.document_paragraph_ptr[row : row + 2].tolist())

    def _paragraph_and_more(self, row: int) -> str:
        return self.spelled_paragraph(row) if self.is_spelled else super()._paragraph_and_more(row)

    def row_tokens(self, side: Side, paragraph: int) -> NDArray[np.int64]:
        """Return the tokens of a paragraph at which its starts or its ends stand, ascending.

        Raises:
            IndexFormatError: if there are not as many as it has rows.
        """
        if not self.is_spelled:
            rows = slice(*getattr(self, f"paragraph_{side}_ptr")[paragraph : paragraph + 2])
            return np.asarray(getattr(self, f"{side}_token")[rows], np.int64)
        first, last = self.paragraph_token_ptr[paragraph : paragraph + 2].tolist()
        bits = np.unpackbits(getattr(self, f"{side}_kept")[first // 8 : (last + 7) // 8], bitorder="little")
        tokens = np.flatnonzero(bits[first % 8 : first % 8 + last - first])
        pointers = getattr(self, f"paragraph_{side}_ptr")
        if tokens.size != pointers[paragraph + 1] - pointers[paragraph]:
            raise IndexFormatError(
                f"{self.path}: column '{side}_kept' has {tokens.size} bits for the rows of paragraph {paragraph}; the "
                "file is damaged, rebuild the index"
            )
        return tokens

    @cached_property
    def _spelled(self) -> Spelled:
        pieces = Places.of(self.token_ids)
        return Spelled(self.token_forms, self.odd_blob, self.paragraph_odd_ptr, pieces, self.paragraph_token_ptr)

    def spelled_paragraph(self, row: int) -> str:
        """Return the text of the spelled paragraph in `row` and what follows it up to the next one.

        Raises:
            IndexFormatError: if its bytes are damaged.
        """
        return self._spelled_text(row, row + 1)

    def _spelled_text(self, first: int, last: int) -> str:
        """Return the text from where the paragraph `first` begins to where `last` does."""
        if self.codebooks is None:
            raise IndexFormatError(f"{self.path}: texts cannot be spelled without the codebooks of the index")
        length = int(self.paragraph_end[last - 1]) - int(self.paragraph_start[first]) if last > first else 0
        try:
            written = spelled_text(self._spelled, self.codebooks.pieces.table, first, last, length)
            return written.decode("utf-8", "surrogatepass")
        except IndexFormatError as error:
            raise IndexFormatError(f"{self.path}: {error}; the file is damaged, rebuild the index") from error
        except UnicodeDecodeError as error:
            raise IndexFormatError(
                f"{self.path}: paragraphs {first} to {last - 1} are not UTF-8 ({error}); the file is damaged, rebuild "
                "the index"
            ) from error
