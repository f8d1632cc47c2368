"""The articles of SQuAD json, v1.1 and v2.0, and other lists inside an object, read one entry at a time."""

from __future__ import annotations

from collections.abc import Iterator

from densephrase.corpus.files.json_cursor import JsonCursor
from densephrase.corpus.files.records import CorpusFile, Place


def walk_articles(file: CorpusFile, expected: str) -> Iterator[tuple[Place, object]]:
    """Yield what stands in the list `data` of SQuAD json, with its places; raises CorpusError as `walk_list` does."""
    return walk_list(file, "data", expected)


def walk_list(file: CorpusFile, name: str, expected: str) -> Iterator[tuple[Place, object]]:
    """Yield what stands in a list of the file's object, with its places; other fields are passed over.

    Raises CorpusError, which says what was `expected`, if the file is no such object.
    """
    cursor = JsonCursor(file)
    if cursor.peek() != "{":
        raise cursor.place.error(f"not SQuAD json; {expected}")
    found = False
    for key in cursor.walk_object():
        if key != name:
            cursor.value()
            continue
        if cursor.peek() not in ("[", ""):
            raise cursor.place.error(f"{name!r} is not a list; {expected}")
        found = True
        yield from cursor.walk_array()
    if not found:
        raise Place(file.path, 1).error(f"the object has no {name!r}; {expected}")
    cursor.take("")


def plain_title(title: str) -> str:
    """Return the title of an article as text: underscores stand for spaces, as in addresses of Wikipedia."""
    return title.replace("_", " ")
