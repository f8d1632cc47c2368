"""Centroids of inverted lists in two levels: groups, and the lists in each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
