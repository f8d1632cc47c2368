"""Turn documents into the columns of a shard: cut into paragraphs, encode, lay the kept rows end to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.memory import trim_memory
from densephrase.build_index.plan import metadata_json
from densephrase.corpus.paragraphs import split_paragraphs
from densephrase.data import Document, Paragraph
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.errors import BuildError
from densephrase.index.column_writer import ColumnWriter
from densephrase.index.manifest import Counts
from densephrase.index.strings import pack_strings

if TYPE_CHECKING:
    from densephrase.encoder.phrase_encoder import PhraseEncoder

ENCODED_TOGETHER = 512  # paragraphs; fixed, because the company in a batch shows in the last bits of a vector

_TRIMMED_AFTER = 4  # calls of the encoder: trimming after each cost a tenth of the build's speed in new page faults

Report = Callable[[int, int, int], None]


def _ignore(documents: int, characters: int, tokens: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class ShardContent:
    """The columns of a shard in the order in which they are stored, each as pieces that follow one another.

    Pieces, because joining the codes in memory would take as much again as a shard.
    """

    columns: dict[str, list[NDArray[Any]]]
    counts: Counts

    @property
    def bytes(self) -> int:
        """Size of all columns."""
        return sum(piece.nbytes for pieces in self.columns.values() for piece in pieces)

    def write(self, path: Path) -> dict[str, str]:
        """Write the shard's file in one step and return its checksums, as `write_columns` does."""
        layout = {
            name: ((sum(map(len, pieces)), *pieces[0].shape[1:]), pieces[0].dtype)
            for name, pieces in self.columns.items()
        }
        with ColumnWriter(path, layout, {"kind": "shard"}) as writer:
            for name, pieces in self.columns.items():
                row = 0
                for piece in pieces:
                    writer.write(name, row, piece)
                    row += len(piece)
            return writer.finish()


@dataclass(slots=True)
class _Side:
    """The kept rows of one side (start or end), chunk by chunk."""

    rows: list[int] = field(default_factory=list)
    token: list[NDArray[np.int32]] = field(default_factory=list)
    char: list[NDArray[np.int32]] = field(default_factory=list)
    codes: list[NDArray[np.int8]] = field(default_factory=list)

    def add(
        self,
        origins: Sequence[int],
        tokens: Sequence[NDArray[np.int32]],
        chars: Sequence[NDArray[np.int32]],
        codes: Sequence[NDArray[np.int8]],
    ) -> None:
        """Add the rows of paragraphs that begin at the characters `origins` of their documents."""
        rows = [len(token) for token in tokens]
        self.rows += rows
        self.token.append(np.concatenate(tokens))
        self.char.append(np.concatenate(chars) + np.repeat(np.array(origins, np.int32), rows))
        self.codes.append(np.concatenate(codes))

    def columns(self, name: str, row_size: int) -> dict[str, list[NDArray[Any]]]:
        """Return the columns of this side."""
        return {
            f"{name}_token": [np.empty(0, np.int32), *self.token],
            f"{name}_char": [np.empty(0, np.int32), *self.char],
            f"{name}_codes": [np.empty((0, row_size), np.int8), *self.codes],
        }


def build_shard(documents: Sequence[Document], encoder: PhraseEncoder, report: Report = _ignore) -> ShardContent:
    """Return the content of the shard that holds `documents`.

    `report(documents, characters, tokens)` is called with what was encoded since its last call.

    Raises:
        BuildError: if the encoder gives rows that do not fit its own configuration.
    """
    paragraphs = [split_paragraphs(document.text) for document in documents]
    flat = [(row, paragraph) for row, members in enumerate(paragraphs) for paragraph in members]
    row_size = encoder.config.vector_size + encoder.config.coherency_rank
    starts, ends = _Side(), _Side()
    tokens: list[int] = []
    finished = 0
    for first in range(0, len(flat), ENCODED_TOGETHER):
        after = first + ENCODED_TOGETHER
        chunk = flat[first:after]
        encoded = _encode(chunk, documents, encoder, row_size)
        _add_chunk([paragraph for _, paragraph in chunk], encoded, starts, ends)
        tokens += [item.tokens for item in encoded]
        del encoded
        if first // ENCODED_TOGETHER % _TRIMMED_AFTER == _TRIMMED_AFTER - 1:
            trim_memory()
        before, finished = finished, flat[after][0] if after < len(flat) else len(documents)
        report(finished - before, sum(len(item.text) for _, item in chunk), sum(tokens[first:]))
    whole = {
        **_document_columns(documents, [len(members) for members in paragraphs]),
        **_paragraph_columns(flat, tokens, starts, ends),
        "start_paragraph": np.repeat(np.arange(len(flat), dtype=np.int32), starts.rows),
    }
    columns = {
        **{name: [column] for name, column in whole.items()},
        **starts.columns("start", row_size),
        **ends.columns("end", row_size),
    }
    counts = Counts(len(documents), len(flat), sum(tokens), sum(starts.rows), sum(ends.rows))
    return ShardContent(columns, counts)


def _encode(
    chunk: Sequence[tuple[int, Paragraph]], documents: Sequence[Document], encoder: PhraseEncoder, row_size: int
) -> list[EncodedParagraph]:
    inputs = [ParagraphInput(paragraph.text, documents[row].title) for row, paragraph in chunk]
    encoded = encoder.encode_paragraphs(inputs)
    if len(encoded) != len(inputs):
        raise BuildError(f"The encoder returned {len(encoded)} results for {len(inputs)} paragraphs.")
    for item in encoded:
        for codes in (item.start_codes, item.end_codes):
            if codes.dtype != np.int8 or codes.shape[1:] != (row_size,):
                raise BuildError(
                    f"The encoder returned rows of {codes.dtype} {codes.shape}; its configuration promises int8 rows "
                    f"of {row_size} codes."
                )
    return encoded


def _add_chunk(
    paragraphs: Sequence[Paragraph], encoded: Sequence[EncodedParagraph], starts: _Side, ends: _Side
) -> None:
    origins = [paragraph.start for paragraph in paragraphs]
    starts.add(
        origins,
        [item.start_token for item in encoded],
        [item.start_char for item in encoded],
        [item.start_codes for item in encoded],
    )
    ends.add(
        origins,
        [item.end_token for item in encoded],
        [item.end_char for item in encoded],
        [item.end_codes for item in encoded],
    )


def _document_columns(documents: Sequence[Document], paragraphs: Sequence[int]) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for name, strings in (
        ("document_id", [document.id for document in documents]),
        ("title", [document.title for document in documents]),
        ("text", [document.text for document in documents]),
        ("metadata", [metadata_json(document) for document in documents]),
    ):
        columns[f"{name}_blob"], columns[f"{name}_offsets"] = pack_strings(strings)
    return {**columns, "document_paragraph_ptr": _pointers(paragraphs)}


def _paragraph_columns(
    flat: Sequence[tuple[int, Paragraph]], tokens: Sequence[int], starts: _Side, ends: _Side
) -> dict[str, NDArray[Any]]:
    return {
        "paragraph_document": np.array([row for row, _ in flat], np.int32),
        "paragraph_start": np.array([paragraph.start for _, paragraph in flat], np.int32),
        "paragraph_end": np.array([paragraph.end for _, paragraph in flat], np.int32),
        "paragraph_tokens": np.array(tokens, np.int32),
        "paragraph_start_ptr": _pointers(starts.rows),
        "paragraph_end_ptr": _pointers(ends.rows),
    }


def _pointers(lengths: Sequence[int]) -> NDArray[np.int64]:
    pointers = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=pointers[1:])
    return pointers
