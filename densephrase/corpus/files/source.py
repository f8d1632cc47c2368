"""Opening, unzipping and decoding corpus files; whatever goes wrong is a CorpusError that names file and line.

Files are UTF-8, or UTF-16 or UTF-32 with a byte order mark; the mark is dropped; line ends are kept as they are. A name
that ends in `.gz` is unzipped. `read_lines` and `read_chunks` hold one line or chunk at a time; they turn a byte that
is not UTF-8 into a surrogate (U+DC80 to U+DCFF), so that `make_document` can refuse the one record that holds it, by
its id. Nothing that a file holds makes them take more memory than `document_bytes` of the file and a chunk.
"""

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from densephrase.corpus.files.records import CorpusFile, Place
from densephrase.errors import CorpusError
from densephrase.storage.regular_file import open_regular

_CHUNK_BYTES = 1 << 16
_HEAD_BYTES, _ZEROS = 256, 6  # that the encoding is told from, and how many of them are 0 in UTF-16
_UNREADABLE = (OSError, EOFError, zlib.error)
# Text shrinks to a third or a tenth; a bomb to a thousandth, which is the most that gzip can do.
_LARGEST_RATIO = 200
_SUFFIX, _GZIP = ".gz", b"\x1f\x8b\x08"
_WIDE = {  # UTF-32 first: the mark of UTF-16 is the beginning of its mark
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_lines(file: CorpusFile) -> Iterator[tuple[int, str | CorpusError]]:
    """Yield the number (from 1) and the text of each line, its end included, or the error of a line that is too long.

    Raises CorpusError where the file cannot be read any further, as in a truncated gzip.
    """
    number, size, pieces = 1, 0, list[bytes]()
    for chunk in _read_utf8(file):
        for piece in io.BytesIO(chunk):
            size += len(piece)
            if size <= file.document_bytes:
                pieces.append(piece)
            elif size - len(piece) <= file.document_bytes:
                pieces.clear()
                yield number, too_large(Place(file.path, number), "the line", file.document_bytes)
            if piece.endswith(b"\n"):
                if size <= file.document_bytes:
                    yield number, b"".join(pieces).decode("utf-8", "surrogateescape")
                number, size, pieces = number + 1, 0, []
    if pieces:
        yield number, b"".join(pieces).decode("utf-8", "surrogateescape")


def read_chunks(file: CorpusFile) -> Iterator[str]:
    """Yield the text of the file in pieces that are never empty.

    Raises CorpusError where the file cannot be read any further, as in a truncated gzip.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for chunk in _read_utf8(file):
        if text := decoder.decode(chunk):
            yield text
    if text := decoder.decode(b"", final=True):
        yield text


def read_text(file: CorpusFile) -> str:
    """Return the text of the whole file; raises CorpusError if it cannot be read, is not UTF-8 or is too large."""
    size, chunks = 0, []
    for chunk in _read_utf8(file):
        size += len(chunk)
        if size > file.document_bytes:
            raise too_large(Place(file.path), "the file, which is one document,", file.document_bytes)
        chunks.append(chunk)
    try:
        return b"".join(chunks).decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise Place(file.path, line).error(
            f"the byte 0x{byte:02X} is not UTF-8 here; write the file as UTF-8"
        ) from error


def unzipped_name(name: str) -> PurePosixPath:
    """Return the name of a file without its folders, and without `.gz`."""
    bare = PurePosixPath(name)
    return PurePosixPath(bare.stem if bare.suffix.lower() == _SUFFIX else bare.name)


def too_large(place: Place, what: str, limit: int) -> CorpusError:
    """Return the error of a record that has more bytes than a document may have."""
    return place.error(
        f"{what} has more than {limit:,} bytes; divide it, or allow more with the option document_bytes"
        " (build --document-bytes)"
    )


def _read_utf8(file: CorpusFile) -> Iterator[bytes]:
    """Yield the bytes of the file, unzipped and in UTF-8, without a byte order mark."""
    chunks = _read_bytes(file)
    first = b""
    while len(first) < _HEAD_BYTES and (chunk := next(chunks, b"")):
        first += chunk
    encoding = next((name for mark, name in _WIDE.items() if first.startswith(mark)), None)
    if encoding is not None:
        yield from _transcode(file.path, encoding, first, chunks)
        return
    if first.startswith(_GZIP):
        raise Place(file.path).error("this is gzip data; let the file's name end in .gz")
    if _seems_wide(first):
        raise Place(file.path, 1).error("this seems to be UTF-16 without a byte order mark; write the file as UTF-8")
    if first := first.removeprefix(codecs.BOM_UTF8):
        yield first
    yield from chunks


def _seems_wide(first: bytes) -> bool:
    """Tell whether 0 stands at every second place only and often, as spaces and Latin letters have it in UTF-16."""
    head = first[:_HEAD_BYTES]
    fewer, more = sorted((head[::2].count(0), head[1::2].count(0)))
    return fewer == 0 and more >= _ZEROS


def _transcode(path: Path, encoding: str, first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    lines = 0
    try:
        text = decoder.decode(first)
        for chunk in chunks:
            yield text.encode("utf-8", "surrogatepass")
            lines += text.count("\n")
            text = decoder.decode(chunk)
        text += decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Place(path, lines + 1).error(
            f"the file begins as {encoding.upper()} does, but is damaged near here ({error.reason}); write it as UTF-8"
        ) from error
    yield text.encode("utf-8", "surrogatepass")


def _read_bytes(file: CorpusFile) -> Iterator[bytes]:
    lines, size = 0, 0
    try:
        with _open(file.path) as (stream, most):
            while chunk := stream.read1(_CHUNK_BYTES):  # what there is, also before damage
                size += len(chunk)
                if most is not None and size > max(most, file.document_bytes):
                    raise Place(file.path, lines + 1).error(
                        f"the gzip data grows to more than {_LARGEST_RATIO} times its size, as text never does; if it"
                        " is what you want, unzip it, or allow more with the option document_bytes"
                        " (build --document-bytes)"
                    )
                yield chunk
                lines += chunk.count(b"\n")
    except _UNREADABLE as error:
        raise _unreadable(file.path, lines, error) from error


@contextmanager
def _open(path: Path) -> Iterator[tuple[io.BufferedReader | gzip.GzipFile, int | None]]:
    """Open a file, unzipped; with it goes, for a gzip, how many bytes it may hold if it is no bomb."""
    with open_regular(path) as raw:
        if path.suffix.lower() != _SUFFIX:
            yield raw, None
            return
        size = os.fstat(raw.fileno()).st_size
        if size == 0:  # the gzip module takes an empty file for an empty archive
            raise EOFError
        with gzip.GzipFile(fileobj=raw) as unzipped:
            yield unzipped, _LARGEST_RATIO * size


def _unreadable(path: Path, lines_read: int, error: Exception) -> CorpusError:
    if isinstance(error, EOFError):
        problem = "the gzip data ends too early, so the file is truncated; compress or fetch it again"
    elif isinstance(error, gzip.BadGzipFile | zlib.error):
        problem = f"the gzip data is damaged ({error}); compress or fetch the file again"
    else:
        return Place(path).error(f"the file cannot be read ({getattr(error, 'strerror', None) or error})")
    return Place(path, lines_read + 1).error(problem)
