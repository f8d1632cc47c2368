"""Documents that a program hands over: checked as those of files are, and written where they can be read again."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from densephrase.corpus.files.records import Found, Place, attempt, make_document
from densephrase.corpus.seen_ids import SeenIds
from densephrase.data import Document
from densephrase.errors import CorpusError

_FIELDS = ("id", "title", "text")
_log = logging.getLogger(__name__)


class _Handed(Place):
    """The number of a document among those that were handed over, from 1."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"document {self.line}"


@contextmanager
def written_documents(documents: Iterable[Document], near: Path, *, skip_bad: bool = False) -> Iterator[Path]:
    """Write documents, which are asked for once and one by one, to a file of JSON lines that is gone at the end.

    It lies beside `near`, or in the next folder above that there is. With `skip_bad`, bad documents are left out, and a
    warning is logged of each.

    Raises:
        CorpusError: where there are no documents; or with the number of the first, from 1, that is no `Document`, has
            an id that was there before, or could not be read from a file either.
    """
    if isinstance(documents, bytes | Mapping | Document) or not isinstance(documents, Iterable):
        raise CorpusError(
            f"The corpus is of the type {type(documents).__name__}; expected the path of a file or folder, or "
            "documents: a list or another iterable of densephrase.data.Document."
        )
    folder = next(parent for parent in near.absolute().parents if parent.is_dir())
    with tempfile.TemporaryDirectory(prefix=f".{near.name[:100]}-", dir=folder) as temporary:
        path = Path(temporary) / "documents.jsonl"
        with path.open("w", encoding="utf-8") as file:
            count = 0
            for document in _checked(documents, skip_bad):
                file.write(json.dumps({**document.metadata, **_fields(document)}, ensure_ascii=False) + "\n")
                count += 1
        if not count:
            raise CorpusError("The corpus holds no documents that can be indexed; hand over one at least.")
        yield path


def _checked(documents: Iterable[object], skip_bad: bool) -> Iterator[Document]:
    seen = SeenIds()
    for number, document in enumerate(documents, 1):
        place = _Handed(Path(), number)
        found = attempt(place, partial(_check, place, document))
        if isinstance(found, Found) and not seen.add(found.document.id):
            found = place.error("an earlier document has the same id; give every one its own", found.document.id)
        if isinstance(found, Found):
            yield found.document
        elif isinstance(found, CorpusError) and skip_bad:
            _log.warning("skipped: %s", found)
        elif isinstance(found, CorpusError):
            raise found


def _check(place: Place, document: object) -> Document:
    if not isinstance(document, Document):
        raise place.error(f"found {document!r}; expected a densephrase.data.Document")
    metadata: object = document.metadata
    if not isinstance(metadata, Mapping) or any(name in metadata for name in _FIELDS):
        expected = f"expected a mapping without {', '.join(_FIELDS)}"
        raise place.error(f"the metadata is {metadata!r}; {expected}", str(document.id))
    try:
        json.dumps(dict(metadata), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise place.error(f"its metadata cannot be written as JSON ({error})", str(document.id)) from error
    return make_document(place, {**metadata, **_fields(document)})


def _fields(document: Document) -> dict[str, str]:
    return {name: getattr(document, name) for name in _FIELDS}
