"""The vectors of passages: codes of 8 bits, mapped, with the quantiser that decodes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import EncoderError, IndexFormatError
from densephrase.index.compact.codebooks import read_fitted
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.index.passages.passage_manifest import PassageSegment
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.columns import MappedColumns, map_columns

VECTORS_FILE = "vectors.h5"
CODES = "codes"


@dataclass(frozen=True, slots=True, eq=False)
class PassageVectors:
    """The vector of each of P paragraphs as `codes` int8 [P, D], in the order of the corpus.

    `lists`, where there are any, hold all D codes of each row once more, list by list; None: all rows are scanned.
    """

    path: Path
    codes: NDArray[np.int8]
    quantiser: VectorQuantiser
    lists: InvertedLists | None

    @classmethod
    def open(cls, folder: Path, segment: PassageSegment, count: int, is_random: bool = False) -> PassageVectors | None:
        """Map the vectors of `count` paragraphs, and their lists, from the folder of a segment; None where it has none.

        is_random: whether rows are read here and there: see `MappedColumns.expect_random`.

        Raises:
            IndexFormatError: if a file is missing, or a column does not fit the manifest and the number of paragraphs.
        """
        record, ann = segment.vectors, segment.ann
        if record is None:
            return None
        columns = map_columns(folder / record.file.file)
        codes = columns.require(CODES, "int8", (count, record.size))
        quantiser = read_vector_quantiser(columns, record.size)
        lists = None
        if ann.file is not None:
            lists = InvertedLists.open(folder / ann.file.file, ann, count, record.quantisation, is_random)
        if is_random:
            columns.expect_random()
        return cls(columns.path, codes, quantiser, lists)

    def codes_of(self, rows: NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.int8]:
        """Return the codes of some rows, int8 [n, D]."""
        codes: NDArray[np.int8] = self.codes[rows]
        return codes


def vector_quantiser_columns(quantiser: VectorQuantiser) -> Mapping[str, NDArray[np.float32]]:
    """Return the columns that `read_vector_quantiser` reads."""
    return {"offset": quantiser.offset, "scale": quantiser.scale}


def read_vector_quantiser(columns: MappedColumns, size: int) -> VectorQuantiser:
    """Return the quantiser of vectors of `size` dimensions from a file.

    Raises:
        IndexFormatError: if it is missing, of another size, or holds values that no fit gives.
    """
    try:
        return VectorQuantiser(**read_fitted(columns, "", {"offset": (size,), "scale": (size,)}))
    except EncoderError as error:
        raise IndexFormatError(f"{columns.path}: columns 'offset' and 'scale': {error} Rebuild the index") from error
