"""Set of the ids that a corpus has used so far, in 24 to 48 bytes per id however long the ids are."""

import hashlib
import struct
from array import array

_FIRST_SLOTS = 1 << 10


class SeenIds:
    """A set of 127-bit BLAKE2b digests in one open-addressed table, so wide that no two ids clash by chance.

    A Python set would take more than 100 bytes per id, which is much for a corpus of many small documents.
    """

    def __init__(self) -> None:
        self._slots = _FIRST_SLOTS
        self._table = array("Q", bytes(16 * self._slots))
        self._count = 0

    def add(self, document_id: str) -> bool:
        """Remember an id; return whether it is new."""
        high, low = struct.unpack("<QQ", hashlib.blake2b(document_id.encode("utf-8"), digest_size=16).digest())
        is_new = self._put(high | 1, low)  # odd, because 0 marks an empty slot
        self._count += is_new
        if 3 * self._count > 2 * self._slots:
            self._grow()
        return is_new

    def _put(self, high: int, low: int) -> bool:
        slot = low % self._slots
        while found := self._table[2 * slot]:
            if found == high and self._table[2 * slot + 1] == low:
                return False
            slot = (slot + 1) % self._slots
        self._table[2 * slot], self._table[2 * slot + 1] = high, low
        return True

    def _grow(self) -> None:
        table = self._table
        self._slots *= 2
        self._table = array("Q", bytes(16 * self._slots))
        for position in range(0, len(table), 2):
            if table[position]:
                self._put(table[position], table[position + 1])
