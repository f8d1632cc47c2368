"""Sentence boundaries by rule: a stop, closing quotes, white space, and no small letter after it."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Begins with a word or its stops and gives nothing back: linear also in a text of letters or of dots alone.
_STOP = re.compile(
    r"""(?<!\w)(?P<word>\w*+)(?:(?<![.!?\u2026])[.!?\u2026]++["'\u201d\u2019\u00bb)\]]*+(?=\s)"""
    r"""|[\u3002\uff01\uff1f]++["\u201d\u2019\u300d\u300f\uff09]*+)"""
)
_NEXT = re.compile(r"""\s*["'\u201c\u2018\u00ab(\[\u300c\u300e\uff08]*(?P<letter>.?)""")
_ABBREVIATIONS = re.compile(
    "adm|approx|apr|aug|ave|blvd|bros|ca|capt|cf|col?|corp|dec|dept|dr|eds?|est|feb|figs?|fr|gen|gov|hon|inc|jan|jr|"
    "jul|jun|lt|ltd|maj|mrs?|ms|mt|nos?|nov|oct|pp?|pres|prof|pt|rep|rev|sen|sept?|sgt|sr|st|univ|viz|vols?|vs",
    re.IGNORECASE,
)


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the bounds of the sentence of `text` that holds `text[start:end]`, in code points, white space trimmed.

    A span that crosses a boundary gets all sentences it touches.
    """
    first, last = 0, len(text)
    for boundary in sentence_ends(text):
        if boundary <= start:
            first = boundary
        elif boundary >= end:
            last = boundary
            break
    while first < start and text[first].isspace():
        first += 1
    return first, max(end, first + len(text[first:last].rstrip()))


def sentence_ends(text: str) -> Iterator[int]:
    """Yield where the sentences of a text end, ascending, in code points; not the end of the text itself."""
    for stop in _STOP.finditer(text):
        following = _NEXT.match(text, stop.end())
        if not (following and following["letter"].islower()) and not _is_abbreviation(text, stop):
            yield stop.end()


def _is_abbreviation(text: str, stop: re.Match[str]) -> bool:
    """Tell whether a full stop belongs to its word: "Dr.", an initial as in "J. Smith", or "U.S."."""
    word = stop["word"]
    if text[stop.end("word") : stop.end()] != ".":
        return False
    return bool(_ABBREVIATIONS.fullmatch(word)) or (len(word) == 1 and word.isalpha())
