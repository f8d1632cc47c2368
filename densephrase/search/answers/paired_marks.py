"""Marks that come in pairs: brackets, quotes, backticks and asterisks; a phrase holds both halves or none."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Literal, NamedTuple

_Role = Literal["opens", "closes", "either", "loose"]  # loose: closes what is open, lacks nothing where nothing is

_BRACKETS = "()[]{}（）［］｛｝「」『』【】《》〈〉〔〕"
# Marks that can be each other's halves, in some language: German closes with what English opens with.
_FAMILIES = ('"', "`", "*", "_", "“”„‟", "«»", "‹›", "'‘’‚‛")
_FAMILY = {mark: family for family in _FAMILIES for mark in family} | {
    mark: _BRACKETS[place // 2 * 2 :][:2] for place, mark in enumerate(_BRACKETS)
}
_OPENING = frozenset(_BRACKETS[::2] + "“„‟«‹‘‚‛")
_CLOSING = frozenset(_BRACKETS[1::2] + "”»›")
_REPEATED = frozenset("*_`")  # twice or three times they are one mark
_UNSURE = frozenset("_'’")  # mostly not half of a pair: an apostrophe, a name of a program
_INCHES = frozenset('"”')
_STOPS = frozenset(_BRACKETS[1::2] + ".,;:!?")

_ALL = re.escape("".join(_FAMILY))
_MARK = re.compile(rf"[{_ALL}](?:(?<=\*)\*+|(?<=_)_+|(?<=`)`+)?")
_ALIKE = {
    sign: re.compile(f"[{re.escape(_FAMILY[sign])}]" + ("+" if sign == "_" else "")) for sign in _UNSURE | _INCHES
}
_CONTENT = re.compile(rf"[^\s{_ALL}]")
_LINK = re.compile(r"\[([^\[\]]+)\]\([^()\s]*\)")
_FOOTNOTES = re.compile(rf"(?:\[\^[^\s{_ALL}]*\])+\Z")
_TAIL = re.compile(r"\]\(|\[\^")  # what follows the words of a link, and a footnote
_JOINT = re.compile(r"[.,;:!?]*\s+|[,;:]+")

has_mark = re.compile(f"[{_ALL}]").search
_signs = re.compile(f"[{_ALL}]").findall


class _Mark(NamedTuple):
    start: int
    end: int
    family: str  # halves of a pair have the same
    role: _Role


def paired(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the borders of a phrase, `text[start:end]`, without halves of pairs; a phrase never becomes empty.

    Halves at its borders are left out. Where the only one that is missing stands directly beside the phrase, it grows:
    `f(x` becomes `f(x)`; where another stands inside, what follows it stays. A whole link of Markdown is shortened to
    its words, and footnotes behind a phrase are left out.
    """
    signs = _signs(text, start, end)
    if signs == ["(", ")"] or (signs == ["'"] and not _role(text, text.find("'", start), text.find("'", start) + 1)):
        return start, end  # most phrases with marks: there is no time to look at them closely
    first, last = start, end
    if text[start] in _REPEATED or text[end - 1] in _REPEATED:
        first, last = _without_split_runs(text, start, end)
    while unmatched := _unmatched(text, first, last):
        shorter = _without_outer(text, first, last, unmatched)
        if shorter == (first, last):
            shorter = _grown(text, first, last) or _cut(text, first, last, unmatched)
        first, last = shorter
    first, last = _without_markup(text, first, last)
    return (first, last) if first < last else _without_marks(text, start, end)


def _without_split_runs(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out a part of a run of equal marks: half of `**`."""
    while start < end and start and text[start] in _REPEATED and text[start - 1] == text[start]:
        start += 1
    while start < end < len(text) and text[end] in _REPEATED and text[end - 1] == text[end]:
        end -= 1
    return start, end


def _unmatched(text: str, start: int, end: int) -> list[_Mark]:
    """Return the marks of a phrase whose other halves are not in it, in their order."""
    waiting: dict[str, list[_Mark]] = {}
    unmatched = []
    for mark in _marks(text, start, end):
        opened = waiting.get(mark.family)
        if opened and mark.role != "opens":
            opened.pop()
        elif mark.role == "opens" or mark.role == "either":
            waiting.setdefault(mark.family, []).append(mark)
        elif mark.role == "closes":
            unmatched.append(mark)
    for opened in waiting.values():
        unmatched += opened
    halves = [mark for mark in unmatched if _is_half(text, start, end, mark)]
    return sorted(halves) if len(halves) > 1 else halves


def _marks(text: str, start: int, end: int) -> list[_Mark]:
    """Return the marks of a piece of the text that can be half of a pair."""
    marks = []
    for found in _MARK.finditer(text, start, end):
        first, last = found.span()
        role = _role(text, first, last)
        if role:
            sign = text[first]
            marks.append(_Mark(first, last, found[0] if sign in _REPEATED else _FAMILY[sign], role))
    return marks


def _role(text: str, start: int, end: int) -> _Role | None:
    """Return what a mark does, by itself or by what stands around it; None where it is no half of anything."""
    sign = text[start]
    if sign in _BRACKETS:
        return "opens" if sign in _OPENING else "closes"
    before, after = text[start - 1] if start else " ", text[end] if end < len(text) else " "
    opens = not (_is_word(before) or after.isspace() or after in _STOPS)
    closes = not (_is_word(after) or before.isspace() or before in _OPENING)
    if opens is not closes:
        return "opens" if opens else "closes"
    if sign in _UNSURE:
        return None
    if sign in _OPENING or sign in _CLOSING:
        return "opens" if sign in _OPENING else "closes"
    return "loose" if sign == "*" else "either"


def _is_word(character: str) -> bool:
    return character.isalnum() or (character > "\x7f" and unicodedata.combining(character) > 0)


def _is_half(text: str, start: int, end: int, mark: _Mark) -> bool:
    """Tell whether a mark without its other half in the phrase is one: apostrophes and signs of inches are not."""
    sign = text[mark.start]
    is_inches = sign in _INCHES and mark.role != "opens" and text[mark.start - 1 : mark.start].isdigit()
    if sign not in _UNSURE and not is_inches:
        return True
    first, last = (end, len(text)) if mark.role == "opens" else (0, start)
    nearby = [found for found in _ALIKE[sign].finditer(text, first, last) if len(found[0]) == mark.end - mark.start]
    roles = (_role(text, *found.span()) for found in (nearby if mark.role == "opens" else reversed(nearby)))
    nearest = next((role for role in roles if role), mark.role)
    return nearest not in ("opens", "loose") if mark.role == "opens" else nearest == "opens"


def _without_outer(text: str, start: int, end: int, unmatched: list[_Mark]) -> tuple[int, int]:
    """Leave out the halves with which a phrase begins or ends, and white space beside them."""
    for mark in unmatched:
        if mark.start == start:
            start = mark.end + _spaces(text[mark.end : end])
    for mark in unmatched[::-1]:
        if mark.end == end > start:
            end = _end_of_words(text, start, mark.start)
    return start, end


def _grown(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the borders of a phrase with the mark directly beside it; None where more than that is missing."""
    behind = _MARK.match(text, end)
    if behind and not _unmatched(text, start, behind.end()):
        return start, behind.end()
    before = start - 1
    while before > 0 and text[before] in _REPEATED and text[before - 1] == text[before]:
        before -= 1
    return (before, end) if start and text[before] in _FAMILY and not _unmatched(text, before, end) else None


def _cut(text: str, start: int, end: int, unmatched: list[_Mark]) -> tuple[int, int]:
    """Return the borders of the last piece between halves, and of the words of a link or what has a footnote.

    The last one, because the ends of phrases are chosen for their starts, and so are right more often.
    """
    for mark in unmatched:
        if _TAIL.match(text, mark.start, end) and _CONTENT.search(text, start, mark.start):
            return start, _end_of_words(text, start, mark.start)
    return _last_piece(text, start, end, [(mark.start, mark.end) for mark in unmatched]) or (start, start)


def _without_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the borders of the last piece of a phrase without any mark; those of the phrase where nothing else is."""
    return _last_piece(text, start, end, [found.span() for found in _MARK.finditer(text, start, end)]) or (start, end)


def _last_piece(text: str, start: int, end: int, cuts: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the borders of the last piece with something to read, of those that some cuts leave; None without any."""
    pieces = [_trimmed(text, first, last) for (_, first), (last, _) in pairwise([(start, start), *cuts, (end, end)])]
    return next((piece for piece in reversed(pieces) if _CONTENT.search(text, *piece)), None)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out white space at both ends of a piece, and punctuation that belongs to what stood before it."""
    found = _JOINT.match(text, start, end)
    first = found.end() if found else start
    return first, _end_of_words(text, first, end)


def _without_markup(text: str, start: int, end: int) -> tuple[int, int]:
    """Shorten a link to its words, and leave out footnotes behind a phrase."""
    if text[end - 1] not in "])":
        return start, end
    link = _LINK.fullmatch(text, start, end)
    if link:
        start, end = link.span(1)
    notes = _FOOTNOTES.search(text, start, end)
    return (start, notes.start()) if notes and notes.start() > start else (start, end)


def _end_of_words(text: str, start: int, end: int) -> int:
    """Return where a piece ends without white space, and without the backslash that escaped the mark behind it."""
    return start + len(text[start:end].rstrip("\\").rstrip())


def _spaces(text: str) -> int:
    """Count the white space with which a text begins."""
    return len(text) - len(text.lstrip())
