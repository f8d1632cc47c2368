"""Inverted lists over start vectors: each row in the list of its nearest centroid, its first codes copied there.

A copy of all codes would double the largest part of an index. The first dimensions, which an encoder makes the most
important ones, choose the rows whose exact products are worth looking up. Product-quantised rows, whose bytes are all
equally important, stand in the lists only; a start row points to its place there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.index.compact.codebooks import read_quantiser
from densephrase.index.format.index_parts import AnnRecord, Quantisation
from densephrase.index.lists.list_tree import ListTree
from densephrase.quantise.product import ProductQuantiser
from densephrase.storage.columns import map_columns


def id_type(starts: int) -> str:
    """Return the type in which lists over so many start rows store their numbers."""
    return "int32" if starts < 2**31 else "int64"


@dataclass(frozen=True, slots=True, eq=False)
class InvertedLists:
    """List l holds the start rows `ids[list_ptr[l]:list_ptr[l + 1]]`, ascending, with their first d codes beside them.

    list_ptr int64 [L + 1], ids [N] (start rows of the segment: `id_type`), codes int8 [N, d]. `places` int32 [N] is
    where each start row stands, and empty where shards hold its codes. `residuals` quantises what the list's centroid
    leaves of a row; None where codes are those of the row.
    """

    path: Path
    tree: ListTree
    list_ptr: NDArray[np.int64]
    ids: NDArray[np.int32] | NDArray[np.int64]
    codes: NDArray[np.int8]
    places: NDArray[np.int32]
    residuals: ProductQuantiser | None

    @classmethod
    def open(
        cls, path: Path, record: AnnRecord, starts: int, quantisation: Quantisation, is_random: bool = False
    ) -> InvertedLists:
        """Map ann.h5 after checking that its lists, as the manifest records them, divide the segment's `starts` rows.

        is_random: as in `densephrase.index.shards.shard.Shard.open`.

        Raises:
            IndexFormatError: if a column is missing, does not fit, or names rows that do not exist.
        """
        columns = map_columns(path)
        lists, groups, size = record.lists, record.groups, quantisation.vector_size
        tree = ListTree(
            columns.require("group_codes", "int8", (groups, size)),
            columns.require("group_ptr", "int64", (groups + 1,)),
            columns.require("list_codes", "int8", (lists, size)),
        )
        places, residuals = np.empty(0, np.int32), None
        if quantisation.is_product:
            places = columns.require("places", "int32", (starts,))
            residuals = read_quantiser(columns, "residual", quantisation.start_groups, quantisation.columns)
        opened = cls(
            path=path,
            tree=tree,
            list_ptr=columns.require("list_ptr", "int64", (lists + 1,)),
            ids=columns.require("ids", id_type(starts), (starts,)),
            codes=columns.require("codes", quantisation.code_type, (starts, record.dimensions)).view(np.int8),
            places=places,
            residuals=residuals,
        )
        opened._check(starts)
        if is_random:
            columns.expect_random()
        return opened

    def _check(self, starts: int) -> None:
        self._check_pointers("list_ptr", self.list_ptr, starts, "rows")
        self._check_pointers("group_ptr", self.tree.group_ptr, len(self.tree.list_codes), "lists")
        for name in ("ids", "places"):
            rows = getattr(self, name)
            if rows.size and not 0 <= rows.min() <= rows.max() < starts:
                raise IndexFormatError(
                    f"{self.path}: column {name!r} names rows outside 0 to {starts - 1}; rebuild the index"
                )

    def _check_pointers(self, name: str, pointers: NDArray[np.int64], total: int, what: str) -> None:
        if pointers[0] != 0 or pointers[-1] != total or np.any(pointers[1:] < pointers[:-1]):
            raise IndexFormatError(f"{self.path}: column '{name}' does not divide {total} {what}; rebuild the index")
