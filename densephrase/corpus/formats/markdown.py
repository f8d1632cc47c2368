"""Markdown: a file is one document, kept to the letter so that offsets are the file's, titled by its first heading."""

import re
from collections.abc import Iterator
from functools import partial

from densephrase.corpus.files.records import CorpusFile, Entry, Place, attempt, file_id, make_document
from densephrase.corpus.files.source import read_text, unzipped_name
from densephrase.data import Document

_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*)")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def read_markdown(file: CorpusFile) -> Iterator[Entry]:
    """Yield the file as a document, or the error in it; without a heading the title is the file's stem."""
    yield attempt(Place(file.path), partial(_make_document, file))


def first_heading(text: str) -> str:
    """Return the first heading (`# ...` or underlined with `=`) outside front matter and fenced code, or ""."""
    above, fence = "", ""
    for line in _skip_front_matter(text):
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence) and line.strip() == opening[1]:
                fence = ""
        elif opening:
            fence = opening[1]
        elif heading := _heading(line, above):
            return heading
        above = "" if fence else line.strip()
    return ""


def _skip_front_matter(text: str) -> Iterator[str]:
    lines = (match[1] for match in _LINE.finditer(text))
    first = next(lines)
    if first.rstrip() != "---":
        yield first
    elif not any(line.rstrip() in ("---", "...") for line in lines):
        lines = (match[1] for match in _LINE.finditer(text))  # never closed, so it was a ruler
    yield from lines


def _heading(line: str, above: str) -> str:
    if match := _HEADING.match(line):
        heading = match[1].strip()
        bare = heading.rstrip("#")
        return bare.rstrip() if bare == "" or bare[-1].isspace() else heading
    underlined = above != "" and set(line.strip()) == {"="}
    return above if underlined else ""


def _make_document(file: CorpusFile) -> Document:
    text = read_text(file)
    return make_document(
        Place(file.path),
        {"id": file_id(file), "title": first_heading(text) or unzipped_name(file.name).stem, "text": text},
    )


SUFFIXES = dict.fromkeys((".md", ".markdown"), read_markdown)
