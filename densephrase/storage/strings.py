"""Strings as two columns: UTF-8 bytes end to end, and the offsets between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from densephrase.errors import IndexFormatError


def pack_strings(strings: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return `blob` uint8 [bytes] and `offsets` int64 [n + 1], so that string i is `blob[offsets[i]:offsets[i + 1]]`.

    Lone surrogates, which JSON can hold and UTF-8 cannot, are kept as three bytes each.
    """
    encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
    np.cumsum([len(item) for item in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), offsets


class StringColumn(Sequence[str]):
    """Strings decoded one by one from their two columns, when they are asked for."""

    def __init__(self, blob: np.ndarray, offsets: np.ndarray, where: str = "strings") -> None:
        """Join the columns after checking that they fit; `where` is what errors call them: their file and name.

        Raises:
            IndexFormatError: if the offsets don't go from 0 to the number of bytes.
        """
        self._where = where
        if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(blob):
            raise self._damage(f"offsets do not span their {len(blob)} bytes")
        self._blob, self._view = blob, memoryview(blob.data)
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, row: int) -> str:  # type: ignore[override]
        """Return string `row`; negative rows are not supported.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its offsets or bytes are damaged.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"string {row} of {len(self)}")
        return self.decode(int(self._offsets[row]), int(self._offsets[row + 1]))

    def decode(self, first: int, last: int) -> str:
        """Return the text of the bytes from `first` up to `last`.

        Raises:
            IndexFormatError: if there are no such bytes, or they are no text.
        """
        if not 0 <= first <= last <= len(self._blob):
            raise self._damage(f"a string claims bytes {first} to {last} of {len(self._blob)}")
        try:
            return str(self._view[first:last], "utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise self._damage(f"bytes {first} to {last} are not UTF-8 ({error})") from error

    def _damage(self, found: str) -> IndexFormatError:
        return IndexFormatError(f"{self._where}: {found}; the file is damaged, rebuild the index")

    @property
    def columns(self) -> tuple[np.ndarray, np.ndarray]:
        """The bytes uint8 and the offsets int64 [n + 1] between them."""
        return self._blob, self._offsets

    def find(self, string: str) -> int | None:
        """Return the first row that holds `string`, None where there is none; compares bytes, decodes nothing."""
        wanted = np.frombuffer(string.encode("utf-8", "surrogatepass"), np.uint8)
        for row in np.flatnonzero(np.diff(self._offsets) == wanted.size).tolist():
            if np.array_equal(self._blob[self._offsets[row] : self._offsets[row + 1]], wanted):
                return int(row)
        return None

    def __iter__(self) -> Iterator[str]:
        for row in range(len(self)):
            yield self[row]
