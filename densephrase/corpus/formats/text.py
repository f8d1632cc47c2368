"""Plain text: a file is one document, kept to the letter; its name is its id and, without suffixes, its title."""

from collections.abc import Iterator
from functools import partial

from densephrase.corpus.files.records import CorpusFile, Entry, Place, attempt, file_id, make_document
from densephrase.corpus.files.source import read_text, unzipped_name
from densephrase.data import Document


def read_plain_text(file: CorpusFile) -> Iterator[Entry]:
    """Yield the file as a document, or the error in it."""
    yield attempt(Place(file.path), partial(_make_document, file))


def _make_document(file: CorpusFile) -> Document:
    fields = {"id": file_id(file), "title": unzipped_name(file.name).stem, "text": read_text(file)}
    return make_document(Place(file.path), fields)


SUFFIXES = {".txt": read_plain_text}
