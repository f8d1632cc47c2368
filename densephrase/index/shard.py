"""A shard: documents, paragraphs and their kept start and end rows, as mapped columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.errors import IndexFormatError
from densephrase.index.columns import map_columns
from densephrase.index.manifest import Counts, Quantisation
from densephrase.index.strings import StringColumn

STRINGS = ("document_id", "title", "text", "metadata")

# Column -> dtype and shape; D documents, P paragraphs, S starts, E ends, R codes in a row.
COLUMNS: dict[str, tuple[str, tuple[str, ...]]] = {
    **{f"{name}_blob": ("uint8", ("any",)) for name in STRINGS},
    **{f"{name}_offsets": ("int64", ("D+1",)) for name in STRINGS},
    "document_paragraph_ptr": ("int64", ("D+1",)),
    "paragraph_document": ("int32", ("P",)),
    "paragraph_start": ("int32", ("P",)),
    "paragraph_end": ("int32", ("P",)),
    "paragraph_tokens": ("int32", ("P",)),
    "paragraph_start_ptr": ("int64", ("P+1",)),
    "paragraph_end_ptr": ("int64", ("P+1",)),
    "start_token": ("int32", ("S",)),
    "start_char": ("int32", ("S",)),
    "start_paragraph": ("int32", ("S",)),
    "start_codes": ("int8", ("S", "R")),
    "end_token": ("int32", ("E",)),
    "end_char": ("int32", ("E",)),
    "end_codes": ("int8", ("E", "R")),
}


@dataclass(frozen=True, eq=False)
class Shard:
    """The mapped columns of a shard; rows are numbered within it.

    `start_char` and `end_char` (exclusive) are code points of the document's text, token numbers count the
    paragraph's word pieces. The rows of paragraph p are `paragraph_start_ptr[p]:paragraph_start_ptr[p + 1]` of the
    start columns and the same of the end columns, ascending by token.
    """

    path: Path
    counts: Counts
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
    paragraph_tokens: NDArray[np.int32]
    paragraph_start_ptr: NDArray[np.int64]
    paragraph_end_ptr: NDArray[np.int64]
    start_token: NDArray[np.int32]
    start_char: NDArray[np.int32]
    start_paragraph: NDArray[np.int32]
    start_codes: NDArray[np.int8]
    end_token: NDArray[np.int32]
    end_char: NDArray[np.int32]
    end_codes: NDArray[np.int8]

    @classmethod
    def open(cls, path: Path, counts: Counts, quantisation: Quantisation) -> Shard:
        """Map the shard at `path` after checking types, sizes and every number that is used as a row number.

        Raises:
            IndexFormatError: if a column is missing or does not fit the manifest's counts and the other columns.
        """
        columns = map_columns(path)
        lengths = _lengths(counts, quantisation)
        arrays = {
            name: columns.require(name, dtype, tuple(lengths[length] for length in shape))
            for name, (dtype, shape) in COLUMNS.items()
        }
        shard = cls(path=path, counts=counts, **arrays)
        shard._check_rows()
        return shard

    @cached_property
    def document_ids(self) -> StringColumn:
        """Ids of the documents, decoded when asked for."""
        return StringColumn(self.document_id_blob, self.document_id_offsets)

    @cached_property
    def titles(self) -> StringColumn:
        """Titles of the documents, "" where there is none."""
        return StringColumn(self.title_blob, self.title_offsets)

    @cached_property
    def texts(self) -> StringColumn:
        """Texts of the documents."""
        return StringColumn(self.text_blob, self.text_offsets)

    @cached_property
    def metadata_json(self) -> StringColumn:
        """Metadata of the documents as JSON objects."""
        return StringColumn(self.metadata_blob, self.metadata_offsets)

    def document(self, row: int) -> Document:
        """Return the document in `row`, read from the disk now.

        Raises:
            IndexError: if there is no such row.
            IndexFormatError: if its bytes are damaged.
        """
        return Document(self.document_ids[row], self.texts[row], self.titles[row], self._metadata(row))

    def _metadata(self, row: int) -> dict[str, Any]:
        try:
            metadata = json.loads(self.metadata_json[row])
        except (ValueError, RecursionError) as error:
            raise IndexFormatError(f"{self.path}: metadata of document row {row} is damaged ({error})") from error
        if not isinstance(metadata, dict):
            raise IndexFormatError(f"{self.path}: metadata of document row {row} is no JSON object")
        return metadata

    def _check_rows(self) -> None:
        """Refuse row numbers that would lead a kernel, which checks no bounds, out of its arrays."""
        for name, rows in (
            *((f"{name}_offsets", len(getattr(self, f"{name}_blob"))) for name in STRINGS),
            ("document_paragraph_ptr", self.counts.paragraphs),
            ("paragraph_start_ptr", self.counts.starts),
            ("paragraph_end_ptr", self.counts.ends),
        ):
            pointers = getattr(self, name)
            if pointers[0] != 0 or pointers[-1] != rows or np.any(pointers[1:] < pointers[:-1]):
                raise IndexFormatError(
                    f"{self.path}: column {name!r} does not ascend from 0 to {rows}; rebuild the index"
                )
        for name, rows in (
            ("paragraph_document", self.counts.documents),
            ("start_paragraph", self.counts.paragraphs),
        ):
            column = getattr(self, name)
            if column.size and not 0 <= column.min() <= column.max() < rows:
                raise IndexFormatError(
                    f"{self.path}: column {name!r} names rows outside 0 to {rows - 1}; rebuild the index"
                )


def _lengths(counts: Counts, quantisation: Quantisation) -> dict[str, int | None]:
    return {
        "any": None,
        "D+1": counts.documents + 1,
        "P": counts.paragraphs,
        "P+1": counts.paragraphs + 1,
        "S": counts.starts,
        "E": counts.ends,
        "R": quantisation.row_size,
    }
