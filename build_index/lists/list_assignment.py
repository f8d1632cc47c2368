"""Find the nearest list of each row through the groups nearest to it: a few hundred comparisons, not one a list."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.index.lists.list_tree import ListTree
from densephrase.kernels.coarse import best_columns

# Groups whose lists a row is compared with. Over 9.6 M rows in 16,384 lists of 128 groups, a question had to look
# through 159,000 rows for a recall@100 of 0.95 with one group, 127,000 with four and 124,000 with eight.
NEAR_GROUPS = 4
_ROWS_COMPARED = 8_192  # with all groups at once


class ListAssignment:
    """The comparison of vectors with the lists of a tree, all as decoded by `scale` float32 [V]."""

    def __init__(self, tree: ListTree, scale: NDArray[np.float32]) -> None:
        self._scale = scale
        self._ptr = tree.group_ptr
        self._groups, self._group_norms = _decode(tree.group_codes, scale)
        self._lists, self._list_norms = _decode(tree.list_codes, scale)

    def nearest(self, codes: NDArray[np.int8]) -> NDArray[np.int32]:
        """Return the list nearest (L2) to each row of codes int8 [n, at least V], int32 [n]; of equal ones the first.

        Only the lists of a row's NEAR_GROUPS nearest groups are looked at.
        """
        vectors = codes[:, : len(self._scale)] * self._scale
        near = self._near_groups(vectors)
        # Rows that look into the same group are compared with its lists in one matrix product.
        order = np.argsort(near, axis=None, kind="stable")
        bounds = np.searchsorted(near.ravel()[order], np.arange(len(self._groups) + 1))
        order //= near.shape[1]
        best = np.full(len(vectors), -np.inf, np.float32)
        nearest = np.zeros(len(vectors), np.int32)
        for group in np.flatnonzero(np.diff(bounds)):
            rows = order[bounds[group] : bounds[group + 1]]
            lists = slice(self._ptr[group], self._ptr[group + 1])
            scores = vectors[rows] @ self._lists[lists].T
            scores -= self._list_norms[lists]
            place = scores.argmax(1)
            score = scores[np.arange(len(rows)), place]
            better = score > best[rows]
            best[rows[better]] = score[better]
            nearest[rows[better]] = place[better] + self._ptr[group]
        return nearest

    def _near_groups(self, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        near = np.empty((len(vectors), min(NEAR_GROUPS, len(self._groups))), np.int64)
        for first in range(0, len(vectors), _ROWS_COMPARED):
            # |v - c|^2 is least where v.c - |c|^2 / 2 is greatest. Not FAISS: its wheel's matrix product took 3.6 times
            # as long as numpy's (4,096 centroids of 384 dimensions, one core with AVX-512), for the same lists.
            scores = vectors[first : first + _ROWS_COMPARED] @ self._groups.T
            scores -= self._group_norms
            best_columns(scores, near[first : first + len(scores)])
        return near


def _decode(codes: NDArray[np.int8], scale: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return centroids as vectors float32 [n, V] and half their squared lengths float32 [n]."""
    vectors = codes * scale
    return vectors, (vectors * vectors).sum(1) / 2
