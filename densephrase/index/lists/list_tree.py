"""Centroids of inverted lists in two levels: groups, and the lists in each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.coarse import best_lists
from densephrase.quantise.scalar import VectorQuantiser


@dataclass(frozen=True, slots=True, eq=False)
class ListTree:
    """Lists `group_ptr[g]:group_ptr[g + 1]` belong to group g; centroids are codes, as start rows are.

    group_codes int8 [G, V], group_ptr int64 [G + 1], list_codes int8 [L, V].
    """

    group_codes: NDArray[np.int8]
    group_ptr: NDArray[np.int64]
    list_codes: NDArray[np.int8]

    def centroids(self, quantiser: VectorQuantiser) -> NDArray[np.float32]:
        """Return the centroids of the lists as vectors, float32 [L, V], decoded by the quantiser of start rows."""
        size = self.list_codes.shape[1]
        return self.list_codes * quantiser.scale[:size] + quantiser.offset[:size]

    def best(self, weights: NDArray[np.int16], groups: int, probes: int) -> NDArray[np.int64]:
        """Return the `probes` lists with the largest products among those of the best `groups`, int64, ascending.

        weights: int16 [V], a high half of `densephrase.search.prepare.fixed_point.FixedPointVectors`. Fewer come back
        where those groups have fewer lists.
        """
        chosen = np.empty(min(groups, len(self.group_codes)), np.int64)
        lists = np.empty(min(probes, len(self.list_codes)), np.int64)
        return lists[: best_lists(self.group_codes, self.group_ptr, self.list_codes, weights, chosen, lists)]
