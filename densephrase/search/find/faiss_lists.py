"""Inverted lists on a CUDA device: FAISS chooses the start rows whose exact products are worth looking up.

FAISS has 8-bit codes of its own, with a smallest value and a range for each dimension. Ours are such codes, so that the
lists' codes go to the device byte by byte, and a product there differs from ours by rounding only. (FAISS keeps float32
or float16 vectors on a device too, at four or two times the memory, and no nearer to the stored rows.)
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.faiss_device import FaissDevice
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.kernels.candidates import Chosen
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.search.plan.exclusion import Exclusion

MOST_FOUND = 2_048  # rows that FAISS finds for a question at once on a CUDA device, and lists that it looks into


class FaissLists:
    """A copy in FAISS of the rows of inverted lists, with the codes that the lists hold.

    A row takes its codes and 8 bytes on the device. Threads may share the copy; they search one after the other, since
    FAISS does not let them share a device.
    """

    def __init__(self, device: FaissDevice, lists: InvertedLists, quantiser: VectorQuantiser) -> None:
        """Copy `lists`, whose codes `quantiser` made, to the device; on the processor too, for a comparison.

        Raises:
            DeviceError: if they do not fit into the device's memory.
        """
        self._dimensions = lists.codes.shape[1]
        self._rows = device.place(_rows(device.faiss, lists, quantiser))
        self._one_search = Lock()

    def choose(self, vectors: NDArray[np.float32], lists: Chosen, likely: int, excluded: Exclusion) -> Chosen | None:
        """Return the `likely` rows of each question's lists whose codes have the largest products, best first.

        vectors: start vectors of questions, float32 [Q, V].
        lists: those to look into.

        FAISS knows no excluded rows: as many more are asked for as there are. Where it cannot find so many at once,
        several searches look into some of the lists each; the best MOST_FOUND rows are still those of one search, the
        others nearly so. None says that not even this finds so many, or that questions have different numbers of lists.
        """
        probes, asked = lists.rows.shape[1], likely + excluded.start_count
        if asked > probes * MOST_FOUND or (lists.found < probes).any():
            return None
        with self._one_search:
            scores, rows = self._search(np.ascontiguousarray(vectors[:, : self._dimensions]), asked, lists.rows)
        scores[(rows < 0) | excluded.covers(rows)] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :likely]
        found = np.isfinite(scores).sum(1)
        return Chosen(np.take_along_axis(rows, order, axis=1), np.minimum(found, likely))

    def _search(
        self, vectors: NDArray[np.float32], asked: int, lists: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return products and rows [Q, at least `asked`] out of `lists` [Q, probes], row -1 where there are no more."""
        times = -(-max(asked, lists.shape[1]) // MOST_FOUND)
        scores, rows = [], []
        for one in range(times):  # lists of one group stand side by side: each search gets some of every group
            part = np.ascontiguousarray(lists[:, one::times])
            self._rows.nprobe = part.shape[1]
            found = self._rows.search_preassigned(vectors, min(asked, MOST_FOUND), part, None)
            scores.append(found[0])
            rows.append(found[1])
        return np.concatenate(scores, axis=1), np.concatenate(rows, axis=1)


def _rows(faiss: Any, lists: InvertedLists, quantiser: VectorQuantiser) -> Any:
    """Return the lists as an index of FAISS; a search has to say into which of them it looks."""
    dimensions, count = lists.codes.shape[1], len(lists.tree.list_codes)
    unused = faiss.IndexFlatIP(dimensions)  # by a search that says it; FAISS wants as many centroids as lists
    unused.add(np.zeros((count, dimensions), np.float32))
    index = faiss.IndexIVFScalarQuantizer(
        unused,
        dimensions,
        count,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
        False,  # codes are those of the rows, not of their differences from the centroids
    )
    scale, offset = quantiser.scale[:dimensions], quantiser.offset[:dimensions]
    # FAISS reads a byte b as smallest + (b + 0.5) / 255 * range, we read it as scale * (b - 128) + offset.
    faiss.copy_array_to_vector(np.concatenate([offset - 128.5 * scale, 255 * scale]), index.sq.trained)
    index.is_trained = True
    for number, (first, last) in enumerate(zip(lists.list_ptr[:-1], lists.list_ptr[1:], strict=True)):
        ids = lists.ids[first:last].astype(np.int64)
        codes = np.ascontiguousarray(lists.codes[first:last]).view(np.uint8) ^ 128
        index.invlists.add_entries(number, len(ids), faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    index.ntotal = len(lists.ids)
    return index
