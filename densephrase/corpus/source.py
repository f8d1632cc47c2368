"""Opening, unzipping and decoding corpus files; whatever goes wrong is a CorpusError that names file and line.

Files are UTF-8; a byte order mark at the start is dropped; line ends are kept as they are. A name that ends in `.gz` is
unzipped. `read_lines` and `read_chunks` hold one line or chunk at a time; they turn a byte that is not UTF-8 into a
surrogate (U+DC80 to U+DCFF), so that `make_document` can refuse the one record that holds it, by its id.
"""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from densephrase.corpus.records import Place
from densephrase.errors import CorpusError

_CHUNK_BYTES = 1 << 16
_UNREADABLE = (OSError, EOFError, zlib.error)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number (from 1) and the text of each line, its end included.

    Raises CorpusError where the file cannot be read any further, as in a truncated gzip.
    """
    number = 0
    try:
        with _open(path) as stream:
            for number, line in enumerate(stream, 1):
                raw = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                yield number, raw.decode("utf-8", "surrogateescape")
    except _UNREADABLE as error:
        raise _unreadable(path, number, error) from error


def read_chunks(path: Path) -> Iterator[str]:
    """Yield the text of the file in pieces that are never empty.

    Raises CorpusError where the file cannot be read any further, as in a truncated gzip.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
    for chunk in _read_byte_chunks(path):
        if text := decoder.decode(chunk):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


def read_text(path: Path) -> str:
    """Return the text of the whole file; raises CorpusError if it cannot be read or is not UTF-8."""
    raw = b"".join(_read_byte_chunks(path))
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise Place(path, line).error(f"the byte 0x{byte:02X} is not UTF-8 here; write the file as UTF-8") from error


def _read_byte_chunks(path: Path) -> Iterator[bytes]:
    lines = 0
    try:
        with _open(path) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
                lines += chunk.count(b"\n")
    except _UNREADABLE as error:
        raise _unreadable(path, lines, error) from error


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        if path.suffix.lower() != ".gz":
            yield raw
            return
        if not raw.peek(1):  # the gzip module takes an empty file for an empty archive
            raise EOFError
        with gzip.GzipFile(fileobj=raw) as unzipped:
            yield cast(BinaryIO, unzipped)


def _unreadable(path: Path, lines_read: int, error: Exception) -> CorpusError:
    if isinstance(error, EOFError):
        problem = "the gzip data ends too early, so the file is truncated; compress or fetch it again"
    elif isinstance(error, gzip.BadGzipFile | zlib.error):
        problem = f"the gzip data is damaged ({error}); compress or fetch the file again"
    else:
        return Place(path).error(f"the file cannot be read ({getattr(error, 'strerror', None) or error})")
    return Place(path, lines_read + 1).error(problem)
