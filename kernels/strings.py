"""Look strings up in a sorted column of them without decoding any."""

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import kernel
from densephrase.kernels.types import Rows


@kernel
def find_strings(
    blob: NDArray[np.uint8], offsets: Rows, wanted: NDArray[np.uint8], wanted_offsets: Rows, rows: Rows
) -> None:
    """Write to `rows` int64[W] which string each wanted one is, -1 for none.

    String i of the column is `blob[offsets[i]:offsets[i + 1]]`, int64[N + 1]; they ascend by bytes. The wanted ones are
    given in the same way. Offsets that lie outside the blob match nothing.
    """
    for place in range(rows.size):
        first, last = wanted_offsets[place], wanted_offsets[place + 1]
        low, high = 0, offsets.size - 1
        while low < high:
            middle = (low + high) // 2
            if _compare(blob, offsets[middle], offsets[middle + 1], wanted, first, last) < 0:
                low = middle + 1
            else:
                high = middle
        is_found = low < offsets.size - 1 and not _compare(blob, offsets[low], offsets[low + 1], wanted, first, last)
        rows[place] = low if is_found else -1


@kernel
def _compare(blob: NDArray[np.uint8], begin: int, end: int, wanted: NDArray[np.uint8], first: int, last: int) -> int:
    """Return a negative number, 0 or a positive one, as the first string comes before, equals or follows the other."""
    if not 0 <= begin <= end <= blob.size:
        return -1
    shared = min(end - begin, last - first)
    for offset in range(shared):
        difference = np.int64(blob[begin + offset]) - np.int64(wanted[first + offset])
        if difference:
            return difference
    return (end - begin) - (last - first)
