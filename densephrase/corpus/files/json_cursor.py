"""Reading one large JSON value piece by piece, with only the part at hand in memory."""

import json
from collections.abc import Iterator

from densephrase.corpus.files.records import CorpusFile, Place
from densephrase.corpus.files.source import read_chunks, too_large
from densephrase.errors import CorpusError
from densephrase.storage.strict_json import DECODER

_BLANKS = " \t\r\n"
# An error or a value's end this close to the end of the buffer may be due to a cut number, constant or escape.
_LOOK_AHEAD = 16
_TOO_MUCH = {RecursionError: "the value is nested too deeply", MemoryError: "the value does not fit into memory"}


class JsonCursor:
    """A position in a JSON file that moves forward only; every method skips blanks first.

    Raises CorpusError, with the line, where the file is not JSON or ends too early, or holds a larger value than
    `document_bytes` of the file.
    """

    def __init__(self, file: CorpusFile) -> None:
        self._path, self._limit = file.path, file.document_bytes
        self._chunks = read_chunks(file)
        self._buffer = ""
        self._at = 0
        self._dropped = 0
        self._line = 1
        self._counted = 0

    @property
    def place(self) -> Place:
        """The line of the cursor."""
        self._count_lines()
        return Place(self._path, self._line)

    def peek(self) -> str:
        """Return the next character without taking it, "" at the end of the file."""
        while True:
            while self._at < len(self._buffer):
                character = self._buffer[self._at]
                if character not in _BLANKS:
                    return character
                self._at += 1
            if not self._fill():
                return ""

    def take(self, expected: str) -> None:
        """Move over one character that must be there ("" stands for the end of the file)."""
        found = self.peek()
        if found != expected:
            raise self._error(f"expected {_name(expected)} but found {_name(found)}", self._at)
        self._at += len(expected)

    def value(self) -> object:
        """Decode the next value whole and move behind it."""
        self.peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos + _LOOK_AHEAD > len(self._buffer)
                if not cut:
                    raise self._error(error.msg, error.pos) from error
                if not self._fill():
                    raise self._error(f"{error.msg}; the file seems to be cut off", error.pos) from error
            except (ValueError, RecursionError, MemoryError) as error:
                raise self._error(_TOO_MUCH.get(type(error)) or str(error), self._at) from error
            else:
                if end - self._at > self._limit:
                    raise self._too_large()
                if end + _LOOK_AHEAD < len(self._buffer) or not self._fill():
                    self._at = end
                    return value

    def walk_object(self) -> Iterator[str]:
        """Walk over an object; the caller takes each key's value before asking for the next key."""
        self.take("{")
        for _ in self._members("}"):
            if self.peek() != '"':
                raise self._error(f"expected a key but found {_name(self.peek())}", self._at)
            key = str(self.value())
            self.take(":")
            yield key

    def walk_array(self) -> Iterator[tuple[Place, object]]:
        """Walk over an array; yield the place and the value of each element."""
        self.take("[")
        for _ in self._members("]"):
            self.peek()
            place = self.place
            yield place, self.value()

    def _members(self, close: str) -> Iterator[None]:
        if self.peek() != close:
            yield
            while self.peek() == ",":
                self.take(",")
                yield
        self.take(close)

    def _fill(self) -> bool:
        """Drop what was taken and at least double what is left; return False, changing nothing, at the file's end."""
        pieces = [self._buffer[self._at :]]
        wanted, gained = len(pieces[0]), 0
        if wanted > self._limit:
            raise self._too_large()
        while gained <= min(wanted, self._limit - wanted) and (chunk := next(self._chunks, "")):
            pieces.append(chunk)
            gained += len(chunk)
        if gained:
            self._count_lines()
            self._dropped += self._at
            self._buffer, self._at, self._counted = "".join(pieces), 0, 0
        return gained > 0

    def _count_lines(self) -> None:
        self._line += self._buffer.count("\n", self._counted, self._at)
        self._counted = self._at

    def _too_large(self) -> CorpusError:
        return too_large(self.place, "the JSON value that begins here", self._limit)

    def _error(self, problem: str, position: int) -> CorpusError:
        line = self._line + self._buffer.count("\n", self._counted, position)
        where = f"at character {self._dropped + position + 1} of the file"
        return Place(self._path, line).error(f"invalid JSON {where}: {problem}")


def _name(character: str) -> str:
    return repr(character) if character else "the end of the file"
