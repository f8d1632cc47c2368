"""Cutting a document's text into paragraphs."""

import re
from collections.abc import Iterator

from densephrase.data import Paragraph

# The end of a line, a line of white space only, and all white space after it. Nothing is ever given back (atomic group,
# possessive repeats): matching is linear in the text, and the "\r" of "\r\n" is never taken for a line of its own.
_BLANK_LINES = re.compile(r"(?>\r\n|\r|\n)[^\S\r\n]*+(?>\r\n|\r|\n)\s*+")


def split_paragraphs(text: str) -> list[Paragraph]:
    r"""Cut a text at its blank lines: lines of Unicode white space only, ended by "\n", "\r\n" or "\r".

    Each paragraph is trimmed of white space at both ends and never empty; `text[start:end] == paragraph.text`.
    Takes time linear in the length of the text.
    """
    return [trimmed_paragraph(text, start, end) for start, end in _slices(text) if not text[start:end].isspace()]


def _slices(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in _BLANK_LINES.finditer(text):
        if start < gap.start():
            yield start, gap.start()
        start = gap.end()
    if start < len(text):
        yield start, len(text)


def trimmed_paragraph(text: str, start: int, end: int) -> Paragraph:
    """Return `text[start:end]` without white space at both ends; empty where there is nothing else."""
    piece = text[start:end]
    trimmed = piece.strip()
    first = start + len(piece) - len(piece.lstrip())
    return Paragraph(trimmed, first, first + len(trimmed))
