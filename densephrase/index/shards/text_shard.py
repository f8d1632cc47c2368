"""The text of a shard: documents and their paragraphs, as mapped columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.format.index_parts import TextCounts
from densephrase.index.format.shard_format import TEXT_COLUMNS, column_lengths
from densephrase.index.shards.shard_bounds import check_text_bounds
from densephrase.index.shards.stored_document import StoredDocument
from densephrase.storage.columns import map_columns
from densephrase.storage.strict_json import decode_json
from densephrase.storage.strings import StringColumn


@dataclass(frozen=True, eq=False)
class TextShard:
    """The mapped columns of documents and paragraphs; rows are numbered within the shard.

    The paragraphs of document d are `document_paragraph_ptr[d]:document_paragraph_ptr[d + 1]`. `paragraph_start` and
    `paragraph_end` are code points of its text, and `paragraph_byte` is where a paragraph begins in `text_blob`.
    """

    path: Path
    counts: TextCounts
    document_id_blob: NDArray[np.uint8]
    document_id_offsets: NDArray[np.int64]
    title_blob: NDArray[np.uint8]
    title_offsets: NDArray[np.int64]
    text_blob: NDArray[np.uint8]
    text_offsets: NDArray[np.int64]
    metadata_blob: NDArray[np.uint8]
    metadata_offsets: NDArray[np.int64]
    document_paragraph_ptr: NDArray[np.int64]
    paragraph_document: NDArray[np.int32]
    paragraph_start: NDArray[np.int32]
    paragraph_end: NDArray[np.int32]
    paragraph_byte: NDArray[np.int64]
    paragraph_tokens: NDArray[np.int32]

    @classmethod
    def open_texts(cls, path: Path, counts: TextCounts, is_random: bool = False) -> TextShard:
        """Map a shard that holds nothing else, after checking types, sizes and every number used as a row number.

        is_random: whether its rows are read here and there: see `MappedColumns.expect_random`.

        Raises:
            IndexFormatError: if a column is missing or does not fit the manifest's counts and the other columns.
        """
        columns, lengths = map_columns(path), column_lengths(counts)
        arrays = {
            name: columns.require(name, dtypes, tuple(lengths[length] for length in shape))
            for name, (dtypes, shape) in TEXT_COLUMNS.items()
        }
        shard = TextShard(path=path, counts=counts, **arrays)
        check_text_bounds(shard)
        if is_random:
            columns.expect_random()
        return shard

    @cached_property
    def document_ids(self) -> StringColumn:
        """Ids of the documents, decoded when asked for."""
        return self._strings("document_id")

    @cached_property
    def titles(self) -> StringColumn:
        """Titles of the documents, "" where there is none."""
        return self._strings("title")

    @cached_property
    def texts(self) -> StringColumn:
        """Texts of the documents; empty in a shard that spells them, for which there is `text`."""
        return self._strings("text")

    @cached_property
    def metadata_json(self) -> StringColumn:
        """Metadata of the documents as JSON objects."""
        return self._strings("metadata")

    def _strings(self, name: str) -> StringColumn:
        columns = getattr(self, f"{name}_blob"), getattr(self, f"{name}_offsets")
        return StringColumn(*columns, f"{self.path}: column '{name}_blob'")

    @property
    def is_spelled(self) -> bool:
        """Whether texts are written as word pieces."""
        return False

    @cached_property
    def paragraph_token_ptr(self) -> NDArray[np.int64]:
        """First token of each paragraph among those of all, int64 [P + 1]."""
        return np.concatenate([[0], np.cumsum(self.paragraph_tokens, dtype=np.int64)])

    def document(self, row: int) -> Document:
        """Return the document in `row`; its text is read when it is looked at.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged; for those of the text, when it is looked at.
        """
        return StoredDocument.of(
            self.document_ids[row],
            self.titles[row],
            self._metadata(row),
            partial(self.text, row),
            partial(self.passage, row),
        )

    def text(self, row: int) -> str:
        """Return the text of the document in `row`.

        Raises:
            IndexFormatError: if its bytes are damaged.
        """
        return self.texts[row]

    def passage(self, row: int, start: int, end: int) -> str:
        """Return the code points `[start, end)` of the document in `row`; of its paragraphs only that which has them.

        Raises:
            IndexFormatError: if its bytes are damaged.
        """
        first, last = self.document_paragraph_ptr[row : row + 2].tolist()
        paragraph = first - 1 + int(np.searchsorted(self.paragraph_start[first:last], start, side="right"))
        if paragraph >= first and start <= end <= self.paragraph_end[paragraph]:
            begin = int(self.paragraph_start[paragraph])
            return self.paragraph_text(paragraph)[start - begin : end - begin]
        return self.text(row)[start:end]

    def paragraph_text(self, row: int) -> str:
        """Return the text of the paragraph in `row`, without reading the rest of its document.

        Raises:
            IndexFormatError: if its bytes are damaged, or fewer than it should have.
        """
        length = int(self.paragraph_end[row] - self.paragraph_start[row])
        text = self._paragraph_and_more(row)
        if len(text) < length:
            raise IndexFormatError(
                f"{self.path}: paragraph {row} has {len(text)} characters of {length}; the file is damaged, rebuild "
                "the index"
            )
        return text[:length]

    def _paragraph_and_more(self, row: int) -> str:
        """Return the text of a paragraph and what follows it up to the next one."""
        document = int(self.paragraph_document[row])
        is_last = row + 1 == self.document_paragraph_ptr[document + 1]
        last = self.text_offsets[document + 1] if is_last else self.paragraph_byte[row + 1]
        return self.texts.decode(int(self.paragraph_byte[row]), int(last))

    def _metadata(self, row: int) -> dict[str, Any]:
        try:
            metadata = decode_json(self.metadata_json[row])
        except (ValueError, RecursionError) as error:
            raise IndexFormatError(f"{self.path}: metadata of document row {row} is damaged ({error})") from error
        if not isinstance(metadata, dict):
            raise IndexFormatError(f"{self.path}: metadata of document row {row} is no JSON object")
        return metadata
