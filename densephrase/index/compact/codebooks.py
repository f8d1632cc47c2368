"""Codebooks of a compact index beside those of rows: sparse factors and word pieces, in one file.

They are fitted to a sample of the corpus when the index is built, and belong to the index as the encoder's copy does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import EncoderError, IndexFormatError
from densephrase.index.compact.spelling import LONGEST_PIECE, MOST_PIECE_BYTES, MOST_PIECES, WordPieces
from densephrase.index.format.index_parts import HEAD_COUNT, Quantisation
from densephrase.kernels.sparse import FactorBooks
from densephrase.quantise.product import CENTROIDS, ProductQuantiser
from densephrase.storage.columns import MappedColumns, map_columns, write_columns
from densephrase.storage.strings import StringColumn, pack_strings

CODEBOOKS_FILE = "codebooks.h5"
_LARGEST = 127  # factor of 8 bits, and letter of ASCII
_LARGEST_FITTED = 1e9


@dataclass(frozen=True, eq=False)
class Codebooks:
    """The quantisers, by head, of the queries and keys that are stored at all.

    Those of rows stand beside the rows. `pieces` are the word pieces that texts are written as.
    """

    queries: Mapping[int, ProductQuantiser]
    keys: Mapping[int, ProductQuantiser]
    pieces: WordPieces

    @classmethod
    def open(cls, path: Path, quantisation: Quantisation) -> Codebooks:
        """Read the file that `save` wrote.

        Raises:
            IndexFormatError: if it is missing, damaged, or not of the sizes that the manifest gives.
        """
        columns = map_columns(path)
        heads, rank = quantisation.sparse_heads, quantisation.sparse_rank
        return cls(
            {head: read_quantiser(columns, f"queries_{head}", 1, rank) for head in heads},
            {head: read_quantiser(columns, f"keys_{head}", 1, rank) for head in heads},
            _read_pieces(columns),
        )

    def save(self, path: Path) -> dict[str, str]:
        """Write all quantisers to `path` and return the checksums, as `write_columns` does."""
        named = {f"queries_{head}": quantiser for head, quantiser in self.queries.items()}
        named |= {f"keys_{head}": quantiser for head, quantiser in self.keys.items()}
        columns: dict[str, NDArray[Any]] = {}
        for name, quantiser in named.items():
            columns |= quantiser_columns(quantiser, name)
        blob, offsets = pack_strings(self.pieces.pieces)
        columns |= {"piece_blob": blob, "piece_offsets": offsets}
        return write_columns(path, columns, {"kind": "codebooks"})

    @property
    def heads(self) -> tuple[int, ...]:
        """The heads of sparse vectors that are stored."""
        return tuple(self.queries)

    @cached_property
    def factor_books(self) -> FactorBooks:
        """The factors that bytes stand for, in 8 bits, so that their products are integers."""
        rank = next(iter(self.queries.values())).offset.size if self.queries else 0
        books = np.zeros((2, HEAD_COUNT, CENTROIDS, rank), np.int8)
        columns = np.full((2, HEAD_COUNT), -1, np.int64)
        for number, head in enumerate(self.heads):
            books[0, head], books[1, head] = _book(self.queries[head]), _book(self.keys[head])
            columns[:, head] = sum(other // 2 == head // 2 for other in self.heads[:number]), number
        return FactorBooks(books[0], books[1], columns[0], columns[1])


def quantiser_columns(quantiser: ProductQuantiser, name: str) -> dict[str, NDArray[np.float32]]:
    """Return the columns that `read_quantiser` reads."""
    return {f"{name}_{part}": array for part, array in quantiser.arrays().items()}


def read_quantiser(columns: MappedColumns, name: str, groups: int, size: int) -> ProductQuantiser:
    """Return a quantiser of `size` columns from a file.

    Raises:
        IndexFormatError: if it is missing, damaged or of other sizes.
    """
    centroids = columns.require(f"{name}_centroids", "float32", (groups, CENTROIDS, None))
    inner = groups * centroids.shape[2]
    if not 0 < inner <= size:
        raise IndexFormatError(
            f"{columns.path}: {name} makes {size} columns of {inner} dimensions, expected 1 to {size}; rebuild it"
        )
    shapes = {"offset": (size,), "analysis": (size, inner), "synthesis": (inner, size), "centroids": centroids.shape}
    try:
        return ProductQuantiser.from_arrays(read_fitted(columns, f"{name}_", shapes))
    except EncoderError as error:
        raise IndexFormatError(f"{columns.path}: {name}: {error}") from error


def read_fitted(
    columns: MappedColumns, prefix: str, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """Return copies of the columns that are called `prefix` and the names of `shapes`.

    Raises:
        IndexFormatError: if one is missing, of another shape, or holds values that no fit gives: squares of them would
            be infinite.
    """
    arrays = {name: np.array(columns.require(prefix + name, "float32", shape)) for name, shape in shapes.items()}
    for name, array in arrays.items():
        if not (np.abs(array) <= _LARGEST_FITTED).all():
            raise IndexFormatError(
                f"{columns.path}: column '{prefix}{name}' holds values outside {-_LARGEST_FITTED:g} to "
                f"{_LARGEST_FITTED:g}; rebuild the index"
            )
    return arrays


def _read_pieces(columns: MappedColumns) -> WordPieces:
    blob = columns.require("piece_blob", "uint8", (None,))
    offsets = columns.require("piece_offsets", "int64", (None,))
    if blob.size > MOST_PIECE_BYTES or offsets.size > MOST_PIECES:
        raise IndexFormatError(
            f"{columns.path}: {offsets.size} word pieces of {blob.size} bytes, expected at most {MOST_PIECES} of "
            f"{MOST_PIECE_BYTES}; rebuild the index"
        )
    if blob.max(initial=0) > _LARGEST or np.diff(offsets).max(initial=0) > LONGEST_PIECE:
        raise IndexFormatError(
            f"{columns.path}: column 'piece_blob' holds pieces that are not ASCII, or longer than {LONGEST_PIECE} "
            "letters; rebuild the index"
        )
    return WordPieces(tuple(StringColumn(blob, offsets, f"{columns.path}: column 'piece_blob'")))


def plain_factors(codes: NDArray[np.int8], books: NDArray[np.int8], columns: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the factors int8 [n, heads * r] that bytes [n, stored heads] stand for; those of heads left out are 0.

    books int8 [heads, 256, r] and columns int64 [heads] are some of `FactorBooks`.
    """
    stored = codes.view(np.uint8)
    parts = [
        books[head][stored[:, column]] if column >= 0 else np.zeros((len(codes), books.shape[2]), np.int8)
        for head, column in enumerate(columns.tolist())
    ]
    return np.concatenate(parts, axis=1)


def _book(quantiser: ProductQuantiser) -> NDArray[np.int8]:
    values = quantiser.decode(np.arange(CENTROIDS, dtype=np.uint8)[:, None])
    book: NDArray[np.int8] = np.clip(np.rint(values), -_LARGEST, _LARGEST).astype(np.int8)
    return book
