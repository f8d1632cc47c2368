"""A document of an index, whose text is read when it is looked at: a search cites passages, not whole documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from densephrase.data import Document


class StoredDocument(Document):
    """Behaves as the `Document` that was indexed. It keeps the index mapped."""

    __slots__ = ("_read_passage", "_read_text")

    _read_text: Callable[[], str]
    _read_passage: Callable[[int, int], str]

    @classmethod
    def of(
        cls,
        id: str,
        title: str,
        metadata: Mapping[str, Any],
        read_text: Callable[[], str],
        read_passage: Callable[[int, int], str],
    ) -> Self:
        """Take all but the text, and what reads it, or what it has from one code point up to another."""
        made = cls.__new__(cls)
        values = {
            "id": id,
            "title": title,
            "metadata": metadata,
            "_read_text": read_text,
            "_read_passage": read_passage,
        }
        for name, value in values.items():
            object.__setattr__(made, name, value)
        return made

    def __getattr__(self, name: str) -> str:
        """Read the text, which is not there before."""
        if name != "text":
            raise AttributeError(f"a document has no {name!r}")
        text = self._read_text()
        object.__setattr__(self, "text", text)
        return text

    def passage(self, start: int, end: int) -> str:
        """Return `text[start:end]`; the rest of the text is not read for it.

        Raises:
            IndexFormatError: if the stored bytes are damaged.
        """
        return self._read_passage(start, end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and self._fields() == (other.id, other.text, other.title, other.metadata)

    __hash__ = Document.__hash__

    def __reduce__(self) -> Any:
        """Turn copies and pickles into plain documents: they hold no index."""
        return Document, self._fields()

    def _fields(self) -> tuple[str, str, str, Mapping[str, Any]]:
        return self.id, self.text, self.title, self.metadata
