"""Paragraphs that an encoder reads in one window each: longer ones are cut, at the best ends that there are."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import regex
from numpy.typing import NDArray

from densephrase.corpus.cutting.graphemes import grapheme_border
from densephrase.corpus.cutting.paragraphs import split_paragraphs, trimmed_paragraph
from densephrase.corpus.cutting.sentences import sentence_ends
from densephrase.data import Paragraph

# Code points that may come with a word piece: prose has about 5. A thousand spaces, or letters without a space, are one
# piece or none for many a tokenizer, and would make a paragraph of any length.
CHARACTERS_A_TOKEN = 32

_TOGETHER = 1_000_000  # code points whose tokens are looked for at once; those of a gigabyte would fill the memory
_BLOCK = 100_000  # code points of a paragraph, for the same reason: a longer one is cut so first

TokenPlaces = Callable[[Sequence[str]], Sequence[NDArray[np.int32]]]

_LINE_END = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
_SPACE = re.compile(r"\s+")
_GRAPHEME = regex.compile(r"\X")


def fitting_paragraphs(texts: Sequence[str], places: TokenPlaces, capacity: int) -> list[list[Paragraph]]:
    """Cut each text at its blank lines, and what stands between them into pieces of at most `capacity` tokens.

    `places` returns where the tokens of each of some texts stand, code points int32 [tokens, 2]; a piece also has at
    most CHARACTERS_A_TOKEN times `capacity` code points. There are as few pieces as can be of about equal length, cut
    at the ends of sentences; only a sentence that is longer than a piece is cut at the ends of its lines, such a line
    at white space, else between graphemes. Pieces are trimmed, in order, never empty; `text[start:end] == piece.text`.
    """
    fitted: list[list[Paragraph]] = [[] for _ in texts]
    longest = max(_BLOCK, CHARACTERS_A_TOKEN * capacity)
    blocks = ((row, block) for row, text in enumerate(texts) for block in _blocks(text, longest))
    for batch in _batches(blocks):
        for (row, block), tokens in zip(batch, places([block.text for _, block in batch]), strict=True):
            fitted[row].extend(_fitting(block, tokens, places, capacity))
    return fitted


def _batches(blocks: Iterable[tuple[int, Paragraph]]) -> Iterator[list[tuple[int, Paragraph]]]:
    batch: list[tuple[int, Paragraph]] = []
    filled = 0
    for row, block in blocks:
        if batch and filled + len(block.text) > _TOGETHER:
            yield batch
            batch, filled = [], 0
        batch.append((row, block))
        filled += len(block.text)
    if batch:
        yield batch


def _blocks(text: str, longest: int) -> Iterator[Paragraph]:
    """Yield the paragraphs of a text, the long ones in blocks whose tokens memory holds."""
    for paragraph in split_paragraphs(text):
        if len(paragraph.text) <= longest:
            yield paragraph
        else:
            yield from _cut(paragraph, _Measure([], longest))


def _fitting(
    paragraph: Paragraph, tokens: NDArray[np.int32], places: TokenPlaces, capacity: int
) -> Iterator[Paragraph]:
    if len(tokens) <= capacity and len(paragraph.text) <= CHARACTERS_A_TOKEN * capacity:
        yield paragraph
        return
    pieces = _cut(paragraph, _Measure(tokens[:, 0].tolist(), CHARACTERS_A_TOKEN * capacity))
    if len(pieces) == 1 and len(pieces[0].text) == len(paragraph.text):
        yield paragraph  # a single character, whatever the tokenizer makes of it
        return
    # By itself a piece may have other tokens than it had here, where a word was cut.
    for piece, own in zip(pieces, places([piece.text for piece in pieces]), strict=True):
        yield from _fitting(piece, own, places, capacity)


@dataclass(frozen=True, slots=True)
class _Measure:
    """How long the pieces of a text are, in code points; a token is never less than CHARACTERS_A_TOKEN."""

    token_starts: list[int]  # ascending
    most: int

    def __call__(self, start: int, end: int) -> int:
        tokens = bisect_left(self.token_starts, end) - bisect_left(self.token_starts, start)
        return max(end - start, tokens * CHARACTERS_A_TOKEN)


def _cut(paragraph: Paragraph, measure: _Measure) -> list[Paragraph]:
    """Cut a paragraph into pieces that are no longer than `measure.most`, if each character is."""
    text, shift = paragraph.text, paragraph.start
    ends = _even_ends(list(_unit_ends(text, 0, len(text), measure)), measure)
    pieces = (trimmed_paragraph(text, first, last) for first, last in pairwise([0, *ends]))
    return [Paragraph(piece.text, shift + piece.start, shift + piece.end) for piece in pieces if piece.text]


def _unit_ends(text: str, start: int, end: int, measure: _Measure, level: int = 0) -> Iterator[int]:
    """Yield the ends of what stays together: sentences, or parts of one that is longer than `measure.most`."""
    if measure(start, end) <= measure.most or level == len(_ENDS):
        yield end
        return
    ends = [start + place for place in _ENDS[level](text[start:end]) if 0 < place < end - start]
    if _ENDS[level] is not _code_points:
        ends = [place for place in ends if grapheme_border(text, place) == place]
    for first, last in pairwise([start, *ends, end]):
        yield from _unit_ends(text, first, last, measure, level + 1)


def _even_ends(units: Sequence[int], measure: _Measure) -> list[int]:
    """Return the ends of as few pieces of whole units as can be, the longest of which is as short as can be."""
    fewest = len(_packed(units, measure, measure.most))
    least, most = measure(0, units[-1]) // fewest, measure.most
    while least < most:
        middle = (least + most) // 2
        if len(_packed(units, measure, middle)) <= fewest:
            most = middle
        else:
            least = middle + 1
    return _packed(units, measure, most)


def _packed(units: Sequence[int], measure: _Measure, most: int) -> list[int]:
    """Return the ends of pieces, each of all units that fit `most`, or of one that doesn't."""
    ends: list[int] = []
    start = taken = 0
    while taken < len(units):
        fits = bisect_right(units, most, lo=taken, key=partial(measure, start))
        taken = max(fits, taken + 1)
        start = units[taken - 1]
        ends.append(start)
    return ends


def _matches(pattern: re.Pattern[str] | regex.Pattern[str]) -> Callable[[str], Iterable[int]]:
    return lambda text: (found.end() for found in pattern.finditer(text))


def _code_points(text: str) -> Iterable[int]:
    """Return the ends of all characters of a grapheme, which has thousands only where somebody means harm."""
    return range(1, len(text))


_ENDS = (sentence_ends, _matches(_LINE_END), _matches(_SPACE), _matches(_GRAPHEME), _code_points)
