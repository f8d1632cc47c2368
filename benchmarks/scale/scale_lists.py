"""Inverted lists whose rows stand in two planes: the first half of their dimensions, which is scanned, and the rest.

Together they are one copy of the rows. A search of an index works alike: its lists hold the first dimensions, and the
rows of its shards decide among the best of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.index.format.index_parts import AnnRecord, FileRecord, Quantisation
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.storage.column_writer import ColumnWriter
from densephrase.storage.columns import map_columns

_BLOCK = 1 << 18  # rows that are split at once


@dataclass(frozen=True, slots=True, eq=False)
class PlanedLists:
    """Lists of N rows of D dimensions: the codes of `inverted` are int8 [N, D // 2], `rest` int8 [N, D - D // 2]."""

    inverted: InvertedLists
    rest: NDArray[np.int8]

    @classmethod
    def open(cls, path: Path, record: AnnRecord, rows: int, dimensions: int) -> PlanedLists:
        """Map a file of `split_rows`; `record` is what that returned."""
        lists = InvertedLists.open(path, record, rows, Quantisation("int8", dimensions, 0))
        return cls(lists, map_columns(path).require("rest", "int8", (rows, dimensions - record.dimensions)))

    def blocks(self, size: int) -> Iterator[tuple[int, NDArray[np.int8]]]:
        """Yield the first place of each block of rows, and the rows with all dimensions."""
        for first in range(0, len(self.rest), size):
            block = slice(first, first + size)
            yield first, np.concatenate([self.inverted.codes[block], self.rest[block]], axis=1)


def split_rows(whole: Path, path: Path, record: AnnRecord) -> AnnRecord:
    """Write the lists of a file, as the builder of an index wrote it, to `path` with their rows in two planes."""
    columns = dict(map_columns(whole).items())
    codes = columns.pop("codes")
    dimensions = record.dimensions // 2
    planes = {"codes": range(dimensions), "rest": range(dimensions, record.dimensions)}
    layout = {name: (column.shape, column.dtype) for name, column in columns.items()}
    layout |= {name: ((len(codes), len(plane)), codes.dtype) for name, plane in planes.items()}
    with ColumnWriter(path, layout, {"kind": "inverted-lists"}) as writer:
        for name, column in columns.items():
            writer.write(name, 0, column)
        for first in range(0, len(codes), _BLOCK):
            for name, plane in planes.items():
                writer.write(name, first, codes[first : first + _BLOCK, plane.start : plane.stop])
        checksums = writer.finish()
    return replace(record, dimensions=dimensions, file=FileRecord(path.name, path.stat().st_size, checksums))
