"""Fit inverted lists to start vectors with FAISS and write them list by list; memory does not grow with the codes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import MissingExtraError
from densephrase.index.column_writer import ColumnWriter
from densephrase.index.columns import map_columns
from densephrase.index.inverted_lists import id_type
from densephrase.index.manifest import AnnRecord, FileRecord

if TYPE_CHECKING:
    from densephrase.encoder.quantiser import VectorQuantiser

ANN_FILE = "ann.h5"
MOST_LISTS = 4_096  # a question is compared with every centroid, a start row too when it is assigned
ITERATIONS = 6
TRAINING_ROWS_PER_LIST = 32
_ROWS_AT_ONCE = 65_536
_ROWS_COMPARED = 2_048  # with all centroids at once: 32 MiB of scores where there are most

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ListSettings:
    """How lists are made: `dimensions` of `vector_size` are copied; `lists` of None leaves their number to the rows."""

    vector_size: int
    dimensions: int
    lists: int | None
    seed: int


def list_count(starts: int) -> int:
    """Return the power of two nearest to sqrt(starts), at most MOST_LISTS: then centroids cost what a list costs."""
    return min(MOST_LISTS, 1 << round(math.log2(math.sqrt(max(1, starts)))))


def write_inverted_lists(
    shards: Sequence[Path],
    path: Path,
    quantiser: VectorQuantiser,
    settings: ListSettings,
    advance: Advance,
) -> AnnRecord:
    """Write the inverted lists over the start rows of `shards` to `path`; `advance` counts rows, each one twice.

    Rows are assigned by their whole vectors; only `settings.dimensions` of their codes are written.

    Raises:
        MissingExtraError: if FAISS is not installed.
    """
    faiss = _load_faiss()
    rows = _StartRows(shards, quantiser, settings.vector_size)
    lists = min(settings.lists or list_count(rows.count), rows.count)
    dimensions = min(settings.dimensions, settings.vector_size)
    training_rows = min(rows.count, TRAINING_ROWS_PER_LIST * lists)
    centroids = _train(faiss, rows.sample(training_rows, settings.seed), lists, settings.seed)
    assigned = _assign(rows, centroids, advance)
    checksums = _write(path, rows, centroids, assigned, dimensions, advance)
    file = FileRecord(path.name, path.stat().st_size, checksums)
    return AnnRecord("inverted-lists", lists, dimensions, training_rows, ITERATIONS, settings.seed, file)


def _load_faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError("faiss", "Fitting the inverted lists of a large index", "cpu") from error
    return faiss


class _StartRows:
    """The start rows of all shards, read in order, without keeping what was read in memory."""

    def __init__(self, shards: Sequence[Path], quantiser: VectorQuantiser, vector_size: int) -> None:
        self._columns = [map_columns(path) for path in shards]
        self._bases = np.cumsum([0, *(len(columns["start_codes"]) for columns in self._columns)])
        self._quantiser = quantiser
        self.vector_size = vector_size

    @property
    def count(self) -> int:
        """Number of start rows."""
        return int(self._bases[-1])

    def chunks(self) -> Iterator[tuple[int, NDArray[np.int8]]]:
        """Yield (first row, codes int8 [rows, row_size]); chunks never cross shards."""
        for base, columns in zip(self._bases[:-1], self._columns, strict=True):
            codes = columns["start_codes"]
            for first in range(0, len(codes), _ROWS_AT_ONCE):
                yield int(base) + first, codes[first : first + _ROWS_AT_ONCE]
                columns.release()

    def vectors(self, codes: NDArray[np.int8]) -> NDArray[np.float32]:
        """Return the decoded start vectors, float32 [rows, vector_size], contiguous."""
        return np.ascontiguousarray(self._quantiser.decode(codes)[:, : self.vector_size])

    def sample(self, size: int, seed: int) -> NDArray[np.float32]:
        """Return `size` start vectors drawn without repetition, in the order of their rows."""
        chosen = np.sort(np.random.default_rng(seed).choice(self.count, size, replace=False, shuffle=False))
        sample: NDArray[np.float32] = np.empty((size, self.vector_size), np.float32)
        filled = 0
        for first, codes in self.chunks():
            low, high = np.searchsorted(chosen, (first, first + len(codes)))
            sample[low:high] = self.vectors(codes[chosen[low:high] - first])
            filled = int(high)
        return sample[:filled]


def _train(faiss: Any, sample: NDArray[np.float32], lists: int, seed: int) -> NDArray[np.float32]:
    kmeans = faiss.Kmeans(
        sample.shape[1],
        lists,
        niter=ITERATIONS,
        seed=seed,
        min_points_per_centroid=1,
        max_points_per_centroid=len(sample),  # the sample is already of the wanted size
    )
    kmeans.train(sample)
    centroids: NDArray[np.float32] = kmeans.centroids
    return centroids


def _assign(rows: _StartRows, centroids: NDArray[np.float32], advance: Advance) -> NDArray[np.int32]:
    """Return the list with the nearest centroid (L2) for each start row, int32 [N]; of equal ones the first."""
    half_norms = (centroids * centroids).sum(1) / 2
    assigned: NDArray[np.int32] = np.empty(rows.count, np.int32)
    for first, codes in rows.chunks():
        for block in range(0, len(codes), _ROWS_COMPARED):
            # |v - c|^2 is least where v.c - |c|^2 / 2 is greatest. Not FAISS: its wheel's matrix product took 3.6 times
            # as long as numpy's (4,096 centroids of 384 dimensions, one core with AVX-512), for the same lists.
            scores = rows.vectors(codes[block : block + _ROWS_COMPARED]) @ centroids.T
            scores -= half_norms
            assigned[first + block : first + block + len(scores)] = scores.argmax(1)
        advance(len(codes))
    return assigned


def _write(
    path: Path,
    rows: _StartRows,
    centroids: NDArray[np.float32],
    assigned: NDArray[np.int32],
    dimensions: int,
    advance: Advance,
) -> dict[str, str]:
    """Sort the rows into their lists by counting: the lists' sizes are known, so each row's place is too."""
    list_ptr = np.zeros(len(centroids) + 1, np.int64)
    np.cumsum(np.bincount(assigned, minlength=len(centroids)), out=list_ptr[1:])
    layout = {
        "centroids": (centroids.shape, "float32"),
        "list_ptr": (list_ptr.shape, "int64"),
        "ids": ((rows.count,), id_type(rows.count)),
        "codes": ((rows.count, dimensions), "int8"),
    }
    with ColumnWriter(path, layout, {"kind": "inverted-lists"}) as writer:
        writer.write("centroids", 0, centroids)
        writer.write("list_ptr", 0, list_ptr)
        ids, codes = writer.map("ids"), writer.map("codes")
        filled = list_ptr[:-1].copy()
        for first, chunk in rows.chunks():
            places, order = _places(assigned[first : first + len(chunk)], filled)
            ids[places] = first + order
            codes[places] = chunk[order, :dimensions]
            writer.release()
            advance(len(chunk))
        return writer.finish()


def _places(lists: NDArray[np.int32], filled: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of a chunk's rows and the order in which they take them; moves `filled` behind them."""
    order = np.argsort(lists, kind="stable")
    ordered = lists[order]
    rank = np.arange(len(lists)) - np.searchsorted(ordered, ordered)
    places = filled[ordered] + rank
    filled += np.bincount(lists, minlength=len(filled))
    return places, order
