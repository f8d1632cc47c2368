"""The texts of a shard, written as word pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.shards.shard_rows import pointers
from densephrase.data import Document, Paragraph
from densephrase.encoder.encoded import EncodedParagraph
from densephrase.errors import BuildError
from densephrase.index.compact.spelling import WordPieces, pack_forms
from densephrase.storage.strings import pack_strings


class SpelledParagraphs:
    """Collects the spellings of paragraphs, each with what stands between it and the next one."""

    def __init__(self, documents: Sequence[Document], pieces: WordPieces) -> None:
        self._documents, self._pieces = documents, pieces
        self._heads = [document.text for document in documents]
        self._forms: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
        self._odd: list[bytes] = []
        self._last = -1  # document of the paragraph before

    def add(self, paragraphs: Sequence[tuple[int, Paragraph]], encoded: Sequence[EncodedParagraph]) -> None:
        """Add the paragraphs that were `encoded`; `paragraphs`, with their documents' rows, may go one further.

        Raises:
            BuildError: if the encoder does not say where tokens stand.
        """
        for number, item in enumerate(encoded):
            row, paragraph = paragraphs[number]
            following = paragraphs[number + 1] if number + 1 < len(paragraphs) else (-1, paragraph)
            text = self._documents[row].text
            stop = following[1].start if following[0] == row else len(text)
            if item.offsets is None or len(item.offsets) != len(item.token_ids):
                raise BuildError("A compact index needs the places of all tokens; the encoder does not give them.")
            if row != self._last:
                self._heads[row], self._last = text[: paragraph.start], row
            forms, odd = self._pieces.spell(text[paragraph.start : stop], item.token_ids.tolist(), item.offsets)
            self._forms.append(forms)
            self._odd.append(odd)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns that texts are restored from."""
        blob, offsets = pack_strings(self._heads)
        return {
            "head_blob": blob,
            "head_offsets": offsets,
            "token_forms": pack_forms(np.concatenate(self._forms)),
            "odd_blob": np.frombuffer(b"".join(self._odd), np.uint8),
            "paragraph_odd_ptr": pointers([len(odd) for odd in self._odd]),
        }
