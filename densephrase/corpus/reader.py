"""Reading a corpus: a file or a folder of files, the format told by the suffix, one document in memory at a time."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import MappingProxyType, ModuleType

from densephrase.corpus import formats
from densephrase.corpus.files.beir_folder import BeirFolder
from densephrase.corpus.files.records import DOCUMENT_BYTES, CorpusFile, Entry, Found, Place, Remark, no_memory
from densephrase.corpus.folder import FolderContent, format_of
from densephrase.corpus.seen_ids import SeenIds
from densephrase.data import Document
from densephrase.errors import CorpusError


def _formats() -> Iterator[ModuleType]:
    """Yield the modules of all formats; each says in its `SUFFIXES` what reads which files."""
    for found in iter_modules(formats.__path__, f"{formats.__name__}."):
        yield import_module(found.name)


READERS: Mapping[str, Callable[[CorpusFile], Iterator[Entry]]] = MappingProxyType(
    {suffix: read for module in _formats() for suffix, read in module.SUFFIXES.items()}
)
_ACCEPTED = f"accepted are {', '.join(READERS)} (.json: SQuAD), each also with .gz behind it"
_SHOWN = 20  # skipped records that are logged one by one
_log = logging.getLogger(__name__)

_Skip = Callable[[CorpusError], None]
_Tell = Callable[[str], None]


def read_corpus(
    path: str | os.PathLike[str],
    *,
    skip_bad: bool = False,
    on_skip: _Skip | None = None,
    document_bytes: int = DOCUMENT_BYTES,
    quotes: bool = True,
    quiet: bool = False,
) -> Iterator[Document]:
    """Yield the documents of a file or, in sorted order of their paths, of all files below a folder.

    Memory holds one document, of at most `document_bytes` bytes, and 24 to 48 bytes per id, for the check that ids are
    unique in the whole corpus. Without `quotes`, fields of tables are not quoted. In a folder, hidden files, other
    suffixes and links to folders are passed over; of one in the form of BEIR, its `corpus.jsonl` alone is read. With
    `skip_bad`, each bad record goes to `on_skip` and reading goes on with the next one; after damage to a whole file,
    as in a truncated gzip, with the next file. Warnings are logged of what is passed over or doubtful, and of skipped
    records where there is no `on_skip`; of nothing when `quiet`.

    Raises CorpusError at once if the path is missing or holds no file of a known format; while reading, for the first
    bad record unless `skip_bad`, and at the end if there was no document at all.
    """
    tell: _Tell = (lambda _: None) if quiet else _log.warning
    files = [CorpusFile(found, name, document_bytes, quotes) for found, name in _find_files(Path(path), tell)]
    return _read_documents(Path(path), files, on_skip if skip_bad else _raise, tell)


def _find_files(path: Path, tell: _Tell) -> list[tuple[Path, str]]:
    """Return the files that a corpus consists of and their names there; raises CorpusError if there are none."""
    try:
        is_folder = path.is_dir()
        exists = is_folder or path.exists()
    except (OSError, ValueError) as error:  # such as a name that is too long, or one with a NUL
        raise Place(path).error(f"this is no path of a file or folder ({getattr(error, 'strerror', error)})") from error
    if not exists:
        raise Place(path).error("there is no such file or folder; check the path")
    if is_folder:
        if corpus := BeirFolder(path).corpus:
            tell(f"{Place(path)}: a folder in the form of BEIR, of which {corpus.name} alone is read")
            return [(corpus, corpus.name)]
        content = FolderContent.of(path, READERS)
        if not content.files:
            raise Place(path).error(f"the folder holds no file that can be read{content.passed_over}; {_ACCEPTED}")
        for remark in content.remarks():
            tell(remark)
        return [(path / name, name) for name in content.files]
    if format_of(path.name) not in READERS:
        raise Place(path).error(f"the suffix {format_of(path.name)!r} names no known format; {_ACCEPTED}")
    return [(path, path.name)]


def _read_documents(path: Path, files: list[CorpusFile], on_skip: _Skip | None, tell: _Tell) -> Iterator[Document]:
    documents, skipped = 0, 0
    for entry in _refuse_duplicates(entry for file in files for entry in _read_file(file)):
        if isinstance(entry, Found):
            documents += 1
            yield entry.document
        elif isinstance(entry, Remark):
            tell(entry.text)
        else:
            skipped += 1
            if on_skip is not None:
                on_skip(entry)
            elif skipped <= _SHOWN:
                tell(f"skipped: {entry}")
    if on_skip is None and skipped > _SHOWN:
        tell(f"{Place(path)}: skipped {skipped:,} bad records, of which the first {_SHOWN} are named above")
    if documents == 0:
        raise Place(path).error(f"found no documents ({len(files)} files read, {skipped} bad records skipped)")


def _read_file(file: CorpusFile) -> Iterator[Entry]:
    try:
        yield from READERS[format_of(file.name)](file)
    except CorpusError as error:
        yield error
    except MemoryError:
        yield no_memory(Place(file.path))


def _refuse_duplicates(entries: Iterator[Entry]) -> Iterator[Entry]:
    seen = SeenIds()
    for entry in entries:
        if isinstance(entry, Found) and not seen.add(entry.document.id):
            yield entry.place.error("an earlier document has the same id; give every one its own", entry.document.id)
        else:
            yield entry


def _raise(error: CorpusError) -> None:
    raise error
