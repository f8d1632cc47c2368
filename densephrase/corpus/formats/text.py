"""Plain text: a file is one document, kept to the letter; its name is its id and, without suffixes, its title."""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath

from densephrase.corpus.files.records import CorpusFile, Entry, Place, attempt, file_id, make_document
from densephrase.corpus.files.source import read_text
from densephrase.data import Document


def read_plain_text(file: CorpusFile) -> Iterator[Entry]:
    """Yield the file as a document, or the error in it."""
    yield attempt(Place(file.path), partial(_make_document, file))


def stem(name: str) -> str:
    """Return a file's name without its folders, its format's suffix and `.gz`."""
    bare = PurePosixPath(name)
    return PurePosixPath(bare.stem).stem if bare.suffix.lower() == ".gz" else bare.stem


def _make_document(file: CorpusFile) -> Document:
    fields = {"id": file_id(file), "title": stem(file.name), "text": read_text(file)}
    return make_document(Place(file.path), fields)
