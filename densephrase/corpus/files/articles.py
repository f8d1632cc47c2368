"""The articles of SQuAD json, v1.1 and v2.0, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator

from densephrase.corpus.files.json_cursor import JsonCursor
from densephrase.corpus.files.records import CorpusFile, Place


def walk_articles(file: CorpusFile, expected: str) -> Iterator[tuple[Place, object]]:
    """Yield what stands in the list `data` of the file's object, with its places; other fields are passed over.

    Raises CorpusError, which says what was `expected`, if the file is no such object.
    """
    cursor = JsonCursor(file)
    if cursor.peek() != "{":
        raise cursor.place.error(f"not SQuAD json; {expected}")
    found = False
    for key in cursor.walk_object():
        if key != "data":
            cursor.value()
            continue
        if cursor.peek() not in ("[", ""):
            raise cursor.place.error(f"'data' is not a list; {expected}")
        found = True
        yield from cursor.walk_array()
    if not found:
        raise Place(file.path, 1).error(f"the object has no 'data'; {expected}")
    cursor.take("")


def plain_title(title: str) -> str:
    """Return the title of an article as text: underscores stand for spaces, as in addresses of Wikipedia."""
    return title.replace("_", " ")
