"""Inverted lists by the places of their rows: which list a place belongs to, found without a search for each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.types import Codes, Rows

PLACE_BLOCK = 64  # places that share an entry of `PlacedLists.of_block`


class PlacedLists(NamedTuple):
    """List l holds the places `ptr[l]:ptr[l + 1]`; empty where rows of codes are no residuals."""

    ptr: Rows  # [L + 1]
    of_block: NDArray[np.int32]  # [(N + PLACE_BLOCK - 1) // PLACE_BLOCK] list of the first place of each block
    codes: Codes  # [L, V] centroids


def lists_of_blocks(ptr: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return `PlacedLists.of_block` of lists that divide ptr[-1] places."""
    found: NDArray[np.int32] = (np.searchsorted(ptr, np.arange(0, ptr[-1], PLACE_BLOCK), side="right") - 1).astype(
        np.int32
    )
    return found


@kernel
def lists_of(places: Rows, lists: PlacedLists) -> Rows:
    """Return the list of each place, int64[C]."""
    ptr, of_block, _ = lists
    found = np.empty(places.size, np.int64)
    for position in range(places.size):
        current = np.int64(of_block[places[position] // PLACE_BLOCK])
        while ptr[current + 1] <= places[position]:
            current += 1
        found[position] = current
    return found
