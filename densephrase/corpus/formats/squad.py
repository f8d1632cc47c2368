"""SQuAD json, v1.1 and v2.0: one document per article, read an article at a time.

The text is the article's contexts with a blank line between them; the id is its title as it stands in the file, with
" (2)", " (3)", ... behind it where the file has used it before; underscores of the title become spaces. Questions are
left out; fields of the article other than `title` and `paragraphs` are metadata.
"""

from collections.abc import Iterator
from functools import partial

from densephrase.corpus.files.articles import plain_title, walk_articles
from densephrase.corpus.files.records import CorpusFile, Entry, Place, attempt, make_document
from densephrase.data import Document

_EXPECTED = (
    'a .json corpus must be in the form of SQuAD, {"data": [{"title": ..., "paragraphs": [{"context": ...}]}]}; '
    "for other data write JSON lines and name the file .jsonl"
)


def read_squad(file: CorpusFile) -> Iterator[Entry]:
    """Yield the document, or the error, of each article; raises CorpusError if the file is not SQuAD json."""
    used: dict[str, int] = {}
    for place, article in walk_articles(file, _EXPECTED):
        yield attempt(place, partial(_make_document, place, article, used))


def _make_document(place: Place, article: object, used: dict[str, int]) -> Document:
    if not isinstance(article, dict):
        raise place.error(f"an article is not an object; {_EXPECTED}")
    title = article.get("title")
    if not isinstance(title, str) or not title.strip():
        raise place.error(f"an article has no title; {_EXPECTED}")
    document_id = _unique(title, used)
    paragraphs = article.get("paragraphs")
    if not isinstance(paragraphs, list):
        raise place.error(f"the article has no list 'paragraphs'; {_EXPECTED}", document_id)
    contexts = [_context(place, document_id, number, paragraph) for number, paragraph in enumerate(paragraphs, 1)]
    further = {name: value for name, value in article.items() if name != "paragraphs"}
    fields = {"id": document_id, "title": plain_title(title), "text": "\n\n".join(contexts)}
    return make_document(place, further | fields)


def _unique(title: str, used: dict[str, int]) -> str:
    """Return the title, with a number behind it if need be; `used` says which number a title may have next."""
    document_id, number = title, used.get(title, 1)
    while document_id in used:
        number += 1
        document_id = f"{title} ({number})"
    used[title] = number
    used.setdefault(document_id, 1)
    return document_id


def _context(place: Place, document_id: str, number: int, paragraph: object) -> str:
    context = paragraph.get("context") if isinstance(paragraph, dict) else None
    if not isinstance(context, str) or not context.strip():
        raise place.error(f"paragraph {number} of the article has no context, or an empty one", document_id)
    return context


SUFFIXES = {".json": read_squad}
