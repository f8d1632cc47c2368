"""Text coded as its word pieces: four bits a token say how each is spelled, and rare spellings are kept as they are.

An index holds the word pieces of every paragraph anyway. A tokenizer of uncased pieces forgets case, accents and white
space; of English text about 99.6 % of the tokens are a piece in small letters, capitalised or in capitals, after
nothing or one space. Nothing is lost: what is none of these is kept as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from densephrase.errors import IndexFormatError
from densephrase.kernels.spelling import AFTER_SPACE, CAPITALISED, CAPITALS, ODD, Spelled, Vocabulary, write_spelled

_CONTINUED = "##"
_BYTES_A_TOKEN = 8  # for which there is room at first
LONGEST_PIECE = 1024  # a few bytes of an index must not stand for endless text
MOST_PIECES, MOST_PIECE_BYTES = 1 << 22, 1 << 26  # far more than a tokenizer has


@dataclass(frozen=True, eq=False)
class WordPieces:
    """The word pieces of a tokenizer, without the marks of those that continue a word.

    "" where they are not ASCII, or longer than `LONGEST_PIECE`.
    """

    pieces: tuple[str, ...]

    @classmethod
    def of(cls, vocabulary: Mapping[str, int]) -> WordPieces:
        """Take the pieces from their numbers."""
        pieces = [""] * (max(vocabulary.values(), default=-1) + 1)
        for piece, number in vocabulary.items():
            pieces[number] = piece.removeprefix(_CONTINUED) if piece.isascii() and len(piece) <= LONGEST_PIECE else ""
        return cls(tuple(pieces))

    @cached_property
    def table(self) -> Vocabulary:
        """The pieces as kernels take them."""
        ptr = np.zeros(len(self.pieces) + 1, np.int32)
        np.cumsum([len(piece) for piece in self.pieces], out=ptr[1:])
        return Vocabulary(np.frombuffer(bytearray("".join(self.pieces), "ascii"), np.uint8), ptr)

    @cached_property
    def _spellings(self) -> list[dict[str, int]]:
        """Of each piece, the form of each way to write it that has one."""
        return [
            {piece.upper(): CAPITALS, piece[:1].upper() + piece[1:]: CAPITALISED, piece: 0} if piece else {}
            for piece in self.pieces
        ]

    def spell(self, text: str, ids: Sequence[int], offsets: NDArray[np.int32]) -> tuple[NDArray[np.uint8], bytes]:
        """Return the forms of the tokens, uint8 [T], and the odd bytes of a text.

        `ids` [T] are the word pieces of its beginning, at code points `offsets` int32 [T, 2], which ascend; nothing is
        asked of them but that they lie in the text.
        """
        forms, odd = bytearray(len(ids)), bytearray()
        spellings, last = self._spellings, 0
        for number, (piece, (first, end)) in enumerate(zip(ids, offsets.tolist(), strict=True)):
            gap = first - last
            form = spellings[piece].get(text[first:end]) if 0 <= piece < len(spellings) else None
            if form is not None and (gap == 0 or (gap == 1 and text[last] == " ")):
                forms[number] = form + AFTER_SPACE * gap
                last = end
                continue
            forms[number] = ODD
            odd += _number(_unsigned(gap)) + _number(_unsigned(end - last)) + _odd_text(text[last : max(end, last)])
            last = max(end, last)
        return np.frombuffer(bytes(forms), np.uint8), bytes(odd + _odd_text(text[last:]))


def pack_forms(forms: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return two forms a byte, uint8 [(T + 1) // 2]: the first in the low bits."""
    pairs = np.append(forms, np.zeros(len(forms) % 2, np.uint8)).reshape(-1, 2)
    packed: NDArray[np.uint8] = np.bitwise_or(pairs[:, 0], pairs[:, 1] << 4, dtype=np.uint8)
    return packed


def spelled_text(spelled: Spelled, vocabulary: Vocabulary, first: int, last: int, most: int) -> bytes:
    """Return the paragraphs `[first, last)`, and what follows each up to the next one, in UTF-8.

    most: how many code points the paragraphs have; odd bytes may make more bytes of them, tokens may not.

    Raises:
        IndexFormatError: if the tokens stand for more than that.
    """
    tokens = int(spelled.piece_ptr[last] - spelled.piece_ptr[first])
    odd = int(spelled.odd_ptr[last] - spelled.odd_ptr[first])
    room = _BYTES_A_TOKEN * tokens + odd
    text = np.empty(room, np.uint8)
    size = write_spelled(spelled, vocabulary, first, last, text)
    if size > most + odd:
        raise IndexFormatError(
            f"the word pieces of paragraphs {first} to {last - 1} make {size} bytes of {most} characters"
        )
    if size > room:
        text = np.empty(size, np.uint8)
        write_spelled(spelled, vocabulary, first, last, text)
    return text[:size].tobytes()


def _odd_text(text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return _number(len(encoded)) + encoded


def _unsigned(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


def _number(value: int) -> bytes:
    """Return a number of seven bits a byte, lowest first; all but the last have their highest bit set."""
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
