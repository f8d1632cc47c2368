"""Fit inverted lists to rows of codes and write them list by list; memory does not grow with the codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.lists.code_rows import CodeRows, sample_rows
from densephrase.build_index.lists.list_assignment import ListAssignment
from densephrase.build_index.lists.list_training import ITERATIONS, train_lists
from densephrase.build_index.lists.residuals import Residuals
from densephrase.build_index.run.progress import Advance
from densephrase.faiss_device import cuda_number
from densephrase.index.compact.codebooks import quantiser_columns
from densephrase.index.format.index_parts import AnnRecord, FileRecord
from densephrase.index.lists.inverted_lists import id_type
from densephrase.index.lists.list_rule import choose_groups, choose_list_count
from densephrase.index.lists.list_tree import ListTree
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.column_writer import ColumnWriter

ANN_FILE = "ann.h5"
TRAINING_ROWS_PER_LIST = 64


class Assignment(Protocol):
    """What knows the lists."""

    def nearest(self, codes: NDArray[np.int8]) -> NDArray[np.int32]:
        """Return the list of each row of codes int8 [n, at least V], int32 [n]."""


@dataclass(frozen=True, slots=True)
class ListSettings:
    """How lists are made: `dimensions` codes are copied; `lists` of None leaves their number to the rows.

    They are trained, and rows are assigned to them, on the `device`. With `asked` float32 [n, row_size], what products
    are taken with, lists hold the only copy of the rows: what their centroids leave of them, in the bytes of a product
    quantiser, and of each row where it stands.
    """

    vector_size: int
    dimensions: int
    lists: int | None
    seed: int
    device: str = "cpu"
    asked: NDArray[np.float32] | None = None


def write_inverted_lists(
    rows: CodeRows, path: Path, quantiser: VectorQuantiser, settings: ListSettings, advance: Advance
) -> AnnRecord:
    """Write the inverted lists over `rows` to `path`; `advance` counts rows, each one twice.

    Rows are assigned by their whole vectors; only `settings.dimensions` of their codes are written.

    Raises:
        MissingExtraError, DeviceError: as `densephrase.build_index.lists.list_training.open_faiss`.
    """
    lists = min(settings.lists or choose_list_count(rows.count), max(1, rows.count))
    scale = quantiser.scale[: settings.vector_size]
    training_rows = min(rows.count, TRAINING_ROWS_PER_LIST * lists)
    sample = sample_rows(rows, training_rows, settings.vector_size, settings.seed)
    tree = train_lists(sample, scale, lists, choose_groups(lists), settings.seed, settings.device)
    del sample
    assigned = _assign(rows, _assignment(tree, scale, settings.device), advance)
    residuals, dimensions = None, min(settings.dimensions, settings.vector_size)
    if settings.asked is not None:
        residuals = Residuals.fit(rows, tree, assigned, quantiser, settings.asked, settings.seed)
        dimensions = residuals.product.groups
    checksums = _write(path, rows, _Filling(tree, assigned, dimensions, residuals), advance)
    return AnnRecord(
        "inverted-lists",
        lists=lists,
        groups=len(tree.group_codes),
        dimensions=dimensions,
        training_rows=training_rows,
        iterations=ITERATIONS,
        seed=settings.seed,
        file=FileRecord(path.name, path.stat().st_size, checksums),
    )


def _assignment(tree: ListTree, scale: NDArray[np.float32], device: str) -> Assignment:
    if cuda_number(device) is None:
        return ListAssignment(tree, scale)
    from densephrase.build_index.lists.cuda_assignment import CudaListAssignment

    return CudaListAssignment(tree, scale, device)


def _assign(rows: CodeRows, assignment: Assignment, advance: Advance) -> NDArray[np.int32]:
    """Return the list of each row, int32 [N]."""
    assigned: NDArray[np.int32] = np.empty(rows.count, np.int32)
    for first, codes in rows.chunks():
        assigned[first : first + len(codes)] = assignment.nearest(codes)
        advance(len(codes))
    return assigned


@dataclass(frozen=True, slots=True, eq=False)
class _Filling:
    """The list of each row, `assigned` int32 [N], and what of rows is written: `dimensions` codes, or residuals."""

    tree: ListTree
    assigned: NDArray[np.int32]
    dimensions: int
    residuals: Residuals | None

    def codes(self, first: int, chunk: NDArray[np.int8]) -> NDArray[np.int8] | NDArray[np.uint8]:
        """Return what is written of rows from `first` on."""
        if self.residuals is None:
            return chunk[:, : self.dimensions]
        return self.residuals.encode(chunk, self.assigned[first : first + len(chunk)])


def _write(path: Path, rows: CodeRows, filling: _Filling, advance: Advance) -> dict[str, str]:
    """Put the rows into their lists: first each behind the others of its group, then every group in order.

    A row's place is known from the lists' sizes, but there are more lists than a file takes rows at well: written one
    by one into hundreds of thousands of places, each page would go to the disk many times.
    """
    tree, assigned, residuals = filling.tree, filling.assigned, filling.residuals
    list_ptr = np.zeros(len(tree.list_codes) + 1, np.int64)
    np.cumsum(np.bincount(assigned, minlength=len(tree.list_codes)), out=list_ptr[1:])
    layout = {
        "list_codes": (tree.list_codes.shape, "int8"),
        "group_codes": (tree.group_codes.shape, "int8"),
        "group_ptr": (tree.group_ptr.shape, "int64"),
        "list_ptr": (list_ptr.shape, "int64"),
        "ids": ((rows.count,), id_type(rows.count)),
        "codes": ((rows.count, filling.dimensions), "int8" if residuals is None else "uint8"),
    }
    parts = {} if residuals is None else quantiser_columns(residuals.product, "residual")
    if residuals is not None:
        layout |= {
            "places": ((rows.count,), "int32"),
            **{name: (part.shape, "float32") for name, part in parts.items()},
        }
    with ColumnWriter(path, layout, {"kind": "inverted-lists"}) as writer:
        writer.write("list_codes", 0, tree.list_codes)
        writer.write("group_codes", 0, tree.group_codes)
        writer.write("group_ptr", 0, tree.group_ptr)
        writer.write("list_ptr", 0, list_ptr)
        ids, codes = writer.map("ids"), writer.map("codes")
        group_rows = list_ptr[tree.group_ptr]
        filled = group_rows[:-1].copy()
        for name, part in parts.items():
            writer.write(name, 0, part)
        for first, chunk in rows.chunks():
            lists = assigned[first : first + len(chunk)]
            places, order = _places(np.searchsorted(tree.group_ptr, lists, side="right") - 1, filled)
            ids[places] = first + order
            codes[places] = filling.codes(first, chunk)[order]
            writer.release()
            advance(len(chunk))
        place_of: NDArray[np.int32] = np.empty(0 if residuals is None else rows.count, np.int32)
        for begin, end in zip(group_rows[:-1], group_rows[1:], strict=True):
            order = np.argsort(assigned[ids[begin:end]], kind="stable")
            ids[begin:end] = ids[begin:end][order]
            codes[begin:end] = codes[begin:end][order]
            if residuals is not None:
                place_of[ids[begin:end]] = np.arange(begin, end)
            writer.release()
        if residuals is not None:
            writer.write("places", 0, place_of)
        return writer.finish()


def _places(groups: NDArray[np.int64], filled: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of a chunk's rows and the order in which they take them; moves `filled` behind them."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    rank = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    places = filled[ordered] + rank
    filled += np.bincount(groups, minlength=len(filled))
    return places, order
