"""Reading a corpus: a file or a folder of files, the format told by the suffix, one document in memory at a time."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from densephrase.corpus.delimited import read_csv, read_tsv
from densephrase.corpus.jsonl import read_jsonl
from densephrase.corpus.markdown import read_markdown
from densephrase.corpus.records import CorpusFile, Entry, Found, Place
from densephrase.corpus.seen_ids import SeenIds
from densephrase.corpus.squad import read_squad
from densephrase.corpus.text import read_plain_text
from densephrase.data import Document
from densephrase.errors import CorpusError

READERS: Mapping[str, Callable[[CorpusFile], Iterator[Entry]]] = MappingProxyType(
    {
        ".jsonl": read_jsonl,
        ".ndjson": read_jsonl,
        ".csv": read_csv,
        ".tsv": read_tsv,
        ".txt": read_plain_text,
        ".md": read_markdown,
        ".markdown": read_markdown,
        ".json": read_squad,
    }
)
_ACCEPTED = f"accepted are {', '.join(READERS)} (.json: SQuAD), each also with .gz behind it"
_log = logging.getLogger(__name__)


def read_corpus(
    path: str | os.PathLike[str],
    *,
    skip_bad: bool = False,
    on_skip: Callable[[CorpusError], None] | None = None,
) -> Iterator[Document]:
    """Yield the documents of a file or, in sorted order of their paths, of all files below a folder.

    Memory holds one document and 24 to 48 bytes per id, for the check that ids are unique in the whole corpus. In a
    folder, hidden files, other suffixes and links to folders are passed over. With `skip_bad`, each bad record goes to
    `on_skip` (default: a logged warning) and reading goes on with the next one; after damage to a whole file, as in a
    truncated gzip, with the next file.

    Raises CorpusError at once if the path is missing or holds no file of a known format; while reading, for the first
    bad record unless `skip_bad`, and at the end if there was no document at all.
    """
    files = find_files(Path(path))
    skip = (on_skip or _warn) if skip_bad else _raise
    return _read_documents(Path(path), files, skip)


def find_files(path: Path) -> list[CorpusFile]:
    """Return the corpus files that a path stands for; raises CorpusError if there are none."""
    if path.is_dir():
        files = list(_walk(path, ""))
        if not files:
            raise Place(path).error(f"the folder holds no file that can be read; {_ACCEPTED}")
        return files
    if not path.exists():
        raise Place(path).error("there is no such file or folder; check the path")
    if _format(path.name) not in READERS:
        raise Place(path).error(f"the suffix {_format(path.name)!r} names no known format; {_ACCEPTED}")
    return [CorpusFile(path, path.name)]


def _walk(folder: Path, prefix: str) -> Iterator[CorpusFile]:
    try:
        with os.scandir(folder) as found:
            entries = sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise Place(folder).error(f"the folder cannot be read ({error.strerror})") from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, f"{prefix}{entry.name}/")
        elif _format(entry.name) in READERS and not entry.is_dir():
            yield CorpusFile(folder / entry.name, prefix + entry.name)


def _format(name: str) -> str:
    bare = Path(name)
    return Path(bare.stem).suffix.lower() if bare.suffix.lower() == ".gz" else bare.suffix.lower()


def _read_documents(path: Path, files: list[CorpusFile], skip: Callable[[CorpusError], None]) -> Iterator[Document]:
    documents, skipped = 0, 0
    for entry in _refuse_duplicates(entry for file in files for entry in _read_file(file)):
        if isinstance(entry, Found):
            documents += 1
            yield entry.document
        else:
            skipped += 1
            skip(entry)
    if documents == 0:
        raise Place(path).error(f"found no documents ({len(files)} files read, {skipped} bad records skipped)")


def _read_file(file: CorpusFile) -> Iterator[Entry]:
    try:
        yield from READERS[_format(file.name)](file)
    except CorpusError as error:
        yield error


def _refuse_duplicates(entries: Iterator[Entry]) -> Iterator[Entry]:
    seen = SeenIds()
    for entry in entries:
        if isinstance(entry, Found) and not seen.add(entry.document.id):
            yield entry.place.error("an earlier document has the same id; give every one its own", entry.document.id)
        else:
            yield entry


def _raise(error: CorpusError) -> None:
    raise error


def _warn(error: CorpusError) -> None:
    _log.warning("skipped: %s", error)
