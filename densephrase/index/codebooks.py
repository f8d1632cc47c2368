"""What the bytes of a compact index stand for, beside rows: quantisers of sparse factors, and word pieces, in one file.

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

from densephrase.encoder.product_quantiser import CENTROIDS, ProductQuantiser
from densephrase.errors import EncoderError, IndexFormatError
from densephrase.index.columns import MappedColumns, map_columns, write_columns
from densephrase.index.manifest import HEADS, Quantisation
from densephrase.index.spelling import WordPieces
from densephrase.index.strings import StringColumn, pack_strings
from densephrase.kernels.sparse import FactorBooks

CODEBOOKS_FILE = "codebooks.h5"
_LARGEST = 127


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
            WordPieces(
                tuple(StringColumn(columns["piece_blob"], columns["piece_offsets"], f"{path}: column 'piece_blob'"))
            ),
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
        books = np.zeros((2, HEADS, CENTROIDS, rank), np.int8)
        columns = np.full((2, HEADS), -1, np.int64)
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
    prefix = f"{name}_"
    arrays = {key.removeprefix(prefix): np.array(columns[key]) for key in columns if key.startswith(prefix)}
    try:
        quantiser = ProductQuantiser.from_arrays(arrays)
    except EncoderError as error:
        raise IndexFormatError(f"{columns.path}: {name}: {error}") from error
    if (quantiser.groups, quantiser.offset.size) != (groups, size):
        raise IndexFormatError(
            f"{columns.path}: {name} makes {quantiser.groups} bytes of {quantiser.offset.size} columns, the manifest "
            f"says {groups} of {size}; rebuild the index"
        )
    return quantiser


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
