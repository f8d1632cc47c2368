"""A reader's characters: a letter with its combining marks, an emoji with its selectors and joiners."""

from collections.abc import Iterator

import regex

_GRAPHEME = regex.compile(r"\X")
_LONGEST = 64  # code points before a place that are looked at: no writing needs as many for one grapheme


def grapheme_border(text: str, place: int) -> int:
    r"""Return the first border of an extended grapheme cluster at or after `place`, an offset of `text`.

    Looks back a bounded way, and only glances where ASCII follows. Source: Unicode Standard Annex 29, as the `regex`
    library has it.
    """
    if not 0 < place < len(text):
        return place
    if text[place].isascii() and text[place] != "\n":  # nothing in ASCII joins what stands before it but "\r\n"
        return place
    for border in _borders(text, place):
        if border >= place:
            return border
    return len(text)


def grapheme_start(text: str, place: int) -> int:
    r"""Return the last border of an extended grapheme cluster at or before `place`, an offset of `text`.

    Looks back as far as `grapheme_border` does.
    """
    if grapheme_border(text, place) == place:
        return place
    return max(border for border in _borders(text, place) if border <= place)


def _borders(text: str, place: int) -> Iterator[int]:
    """Yield borders in ascending order, from one before `place` to the first at or after it."""
    # A cluster begins at each ASCII character; without any near by, one begun too late still ends in the right place.
    border = place - 1
    while border > max(0, place - _LONGEST) and not text[border].isascii():
        border -= 1
    yield border
    while border < place:
        found = _GRAPHEME.match(text, border)
        border = found.end() if found else border + 1
        yield border
