"""The columns of documents and paragraphs, and a file of columns from their pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.run.plan import metadata_json
from densephrase.build_index.shards.shard_rows import pointers
from densephrase.data import Document, Paragraph
from densephrase.storage.column_writer import ColumnWriter
from densephrase.storage.strings import pack_strings


def write_pieces(path: Path, columns: Mapping[str, list[NDArray[Any]]], kind: str) -> dict[str, str]:
    """Write a file of columns that come as pieces which follow one another; return its checksums."""
    layout = {
        name: ((sum(map(len, pieces)), *pieces[0].shape[1:]), pieces[0].dtype) for name, pieces in columns.items()
    }
    with ColumnWriter(path, layout, {"kind": kind}) as writer:
        for name, pieces in columns.items():
            row = 0
            for piece in pieces:
                writer.write(name, row, piece)
                row += len(piece)
        return writer.finish()


def document_columns(documents: Sequence[Document], paragraphs: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Return the columns of documents that have so many paragraphs each."""
    columns: dict[str, NDArray[Any]] = {}
    for name, strings in (
        ("document_id", [document.id for document in documents]),
        ("title", [document.title for document in documents]),
        ("text", [document.text for document in documents]),
        ("metadata", [metadata_json(document) for document in documents]),
    ):
        columns[f"{name}_blob"], columns[f"{name}_offsets"] = pack_strings(strings)
    return {**columns, "document_paragraph_ptr": pointers(paragraphs)}


def paragraph_columns(
    flat: Sequence[tuple[int, Paragraph]], tokens: Sequence[int], documents: Sequence[Document]
) -> dict[str, NDArray[Any]]:
    """Return the columns of all paragraphs, in order, each with the row of its document and its number of tokens."""
    return {
        "paragraph_document": np.array([row for row, _ in flat], np.int32),
        "paragraph_start": np.array([paragraph.start for _, paragraph in flat], np.int32),
        "paragraph_end": np.array([paragraph.end for _, paragraph in flat], np.int32),
        "paragraph_byte": np.array(_paragraph_bytes(flat, documents), np.int64),
        "paragraph_tokens": np.array(tokens, np.int32),
    }


def _paragraph_bytes(flat: Sequence[tuple[int, Paragraph]], documents: Sequence[Document]) -> list[int]:
    """Return where each paragraph begins in the texts of all documents, end to end in UTF-8."""
    begins, document, character, byte = [], 0, 0, 0
    for row, paragraph in flat:
        while document < row:
            byte += _utf8_size(documents[document].text[character:])
            document, character = document + 1, 0
        byte += _utf8_size(documents[row].text[character : paragraph.start])
        character = paragraph.start
        begins.append(byte)
    return begins


def _utf8_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
