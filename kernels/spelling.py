"""Paragraphs written as their word pieces: where a token stands in its text, and the text itself.

Four bits a token say how its piece is spelled; what is spelled otherwise stands in the odd bytes of its paragraph. See
`densephrase.index.compact.spelling`, which writes them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from densephrase.kernels.compile import inlined_kernel, kernel
from densephrase.kernels.mapped import Places, place
from densephrase.kernels.types import Bytes, Rows

CAPITALISED, CAPITALS, ODD = 1, 2, 3
AFTER_SPACE = 4  # added where one space stands before a token
_A, _Z, _TO_CAPITAL = ord("a"), ord("z"), ord("A") - ord("a")


class Vocabulary(NamedTuple):
    """Word pieces in ASCII end to end: piece p is `blob[ptr[p]:ptr[p + 1]]`, empty where it is always spelled oddly."""

    blob: Bytes
    ptr: NDArray[np.int32]  # [V + 1]


class Spelled(NamedTuple):
    """The paragraphs of a shard. All is empty where texts are stored."""

    forms: Bytes  # [(T + 1) // 2] two tokens a byte, the first in the low bits
    odd: Bytes  # of each odd token where it begins and ends, and its text; then the rest of the paragraph's
    odd_ptr: Rows  # [P + 1]
    pieces: Places  # [T]
    piece_ptr: Rows  # [P + 1]


@inlined_kernel
def _number(odd: Bytes, place: int, stop: int) -> tuple[int, int]:
    """Return the number that begins at a place, seven bits a byte, lowest first, and the place behind it."""
    value, shift = np.int64(0), 0
    while place < stop and shift < 56:
        byte = np.int64(odd[place])
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            break
    return value, place


@inlined_kernel
def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)


@kernel
def spelled_bounds(spelled: Spelled, vocabulary: Vocabulary, paragraph: int, start: int, end: int) -> tuple[int, int]:
    """Return the code points of a paragraph at which its token `start` begins and its token `end` ends."""
    forms, odd, odd_ptr, (narrow, wide), piece_ptr = spelled
    first, cursor, stop = piece_ptr[paragraph], odd_ptr[paragraph], odd_ptr[paragraph + 1]
    begin = last = token_end = np.int64(0)
    for token in range(first, min(first + end + 1, piece_ptr[paragraph + 1])):
        form = forms[token >> 1] >> (4 * (token & 1)) & 15
        if form & 3 == ODD:
            from_last, cursor = _number(odd, cursor, stop)
            to_end, cursor = _number(odd, cursor, stop)
            size, cursor = _number(odd, cursor, stop)
            cursor = min(cursor + size, stop)
            token_begin, token_end = last + _signed(from_last), last + _signed(to_end)
        else:
            piece = place(narrow, wide, token)
            known = 0 <= piece < vocabulary.ptr.size - 1
            token_begin = last + (1 if form & AFTER_SPACE else 0)
            token_end = token_begin + (vocabulary.ptr[piece + 1] - vocabulary.ptr[piece] if known else 0)
        last = max(last, token_end)
        if token == first + start:
            begin = token_begin
    return begin, token_end


@kernel
def write_spelled(spelled: Spelled, vocabulary: Vocabulary, first: int, last: int, text: Bytes) -> int:
    """Write the paragraphs `[first, last)`, and what follows each up to the next one, in UTF-8; return their bytes.

    Of a text that is longer than `text` uint8[n], the first n bytes are written. Of damaged bytes no more is read than
    there is.
    """
    forms, odd, odd_ptr, (narrow, wide), piece_ptr = spelled
    blob, ptr = vocabulary
    size = 0
    for paragraph in range(first, last):
        cursor, stop = odd_ptr[paragraph], odd_ptr[paragraph + 1]
        for token in range(piece_ptr[paragraph], piece_ptr[paragraph + 1]):
            form = forms[token >> 1] >> (4 * (token & 1)) & 15
            if form & 3 == ODD:
                _, cursor = _number(odd, cursor, stop)
                _, cursor = _number(odd, cursor, stop)
                size, cursor = _copy(odd, cursor, stop, text, size)
                continue
            if form & AFTER_SPACE:
                if size < text.size:
                    text[size] = 32
                size += 1
            piece = place(narrow, wide, token)
            if 0 <= piece < ptr.size - 1:
                begin, length, room = ptr[piece], ptr[piece + 1] - ptr[piece], text.size - size
                for at in range(length if length < room else room):
                    text[size + at] = blob[begin + at]
                if form & 3:
                    _capitalise(text, size, length if form & 3 == CAPITALS else 1)
                size += length
        size, _ = _copy(odd, cursor, stop, text, size)
    return size


@inlined_kernel
def _capitalise(text: Bytes, first: int, letters: int) -> None:
    for at in range(first, first + letters):
        if at < text.size and _A <= text[at] <= _Z:
            text[at] += np.uint8(_TO_CAPITAL & 255)


@inlined_kernel
def _copy(odd: Bytes, cursor: int, stop: int, text: Bytes, size: int) -> tuple[int, int]:
    """Append the odd text that begins at the cursor; return the new size and cursor."""
    length, cursor = _number(odd, cursor, stop)
    last = min(cursor + length, stop)
    for at in range(cursor, last):
        if size < text.size:
            text[size] = odd[at]
        size += 1
    return size, last
