"""Assign rows to inverted lists by two-level search: a row is compared with the lists of its nearest groups only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from densephrase.index.lists.list_tree import ListTree
from densephrase.quantise.centroids import Centroids

# Groups whose lists a row is compared with. Over 9.6 M rows in 16,384 lists of 128 groups, a question had to look
# through 159,000 rows for a recall@100 of 0.95 with one group, 127,000 with four and 124,000 with eight.
NEAR_GROUPS = 4


class ListAssignment:
    """The comparison of vectors with the lists of a tree, all as decoded by `scale` float32 [V]."""

    def __init__(self, tree: ListTree, scale: NDArray[np.float32]) -> None:
        self._scale = scale
        self._ptr = tree.group_ptr
        self._groups, self._lists = Centroids(tree.group_codes * scale), Centroids(tree.list_codes * scale)

    def nearest(self, codes: NDArray[np.int8]) -> NDArray[np.int32]:
        """Return the list nearest (L2) to each row of codes int8 [n, at least V], int32 [n]; of equal ones the first.

        Only the lists of a row's NEAR_GROUPS nearest groups are looked at.
        """
        vectors = codes[:, : len(self._scale)] * self._scale
        near = self._groups.nearest(vectors, min(NEAR_GROUPS, len(self._groups)))
        # Rows that look into the same group are compared with its lists in one matrix product.
        order = np.argsort(near, axis=None, kind="stable")
        bounds = np.searchsorted(near.ravel()[order], np.arange(len(self._groups) + 1))
        order //= near.shape[1]
        best = np.full(len(vectors), -np.inf, np.float32)
        nearest = np.zeros(len(vectors), np.int32)
        for group in np.flatnonzero(np.diff(bounds)):
            rows = order[bounds[group] : bounds[group + 1]]
            scores = self._lists.scores(vectors[rows], slice(self._ptr[group], self._ptr[group + 1]))
            place = scores.argmax(1)
            score = scores[np.arange(len(rows)), place]
            better = score > best[rows]
            best[rows[better]] = score[better]
            nearest[rows[better]] = place[better] + self._ptr[group]
        return nearest
