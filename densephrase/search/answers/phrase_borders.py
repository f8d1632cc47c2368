"""Phrase borders for a reader: token spans widened to whole graphemes, and to both halves of paired marks or none."""

from __future__ import annotations

from densephrase.corpus.cutting.graphemes import grapheme_border, grapheme_start
from densephrase.search.answers.paired_marks import has_mark, paired


def phrase_borders(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the borders of the phrase that stands for `text[start:end]`, the token span of a paragraph `text`.

    No grapheme is cut in two: those at the borders are taken in whole. Brackets, quotes, backticks and asterisks come
    as pairs or not at all, see `paired`. The phrase is empty only where the span is, as a damaged index may have some.
    Search and closed evaluation both cite it.
    """
    if start >= end:
        return start, end
    if not text.isascii():
        start, end = _whole_graphemes(text, start, end)
    if has_mark(text, start, end):
        first, last = paired(text, start, end)
        if (first, last) != (start, end):
            return _whole_graphemes(text, first, last)
    return start, end


def _whole_graphemes(text: str, start: int, end: int) -> tuple[int, int]:
    if not text[start].isascii():
        start = grapheme_start(text, start)
    if end < len(text) and not text[end].isascii():
        end = grapheme_border(text, end)
    return start, end
