"""Where a reader's character ends: a letter with its combining marks, an emoji with its selectors and joiners."""

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
    # A cluster begins at each ASCII character; without any near by, one begun too late still ends in the right place.
    begin = place - 1
    while begin > max(0, place - _LONGEST) and not text[begin].isascii():
        begin -= 1
    while begin < place:
        found = _GRAPHEME.match(text, begin)
        begin = found.end() if found else begin + 1
    return begin
