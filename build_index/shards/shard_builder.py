"""Turn documents into the columns of a shard: cut into paragraphs, encode, lay the kept rows end to end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.compact.compact_encoder import CompactEncoder
from densephrase.build_index.run.resources import trim_memory
from densephrase.build_index.shards.shard_rows import SideRows, narrow
from densephrase.build_index.shards.spelled_paragraphs import SpelledParagraphs
from densephrase.build_index.shards.text_columns import document_columns, paragraph_columns, write_pieces
from densephrase.data import Document, Paragraph
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.errors import BuildError
from densephrase.index.format.index_parts import Counts, Quantisation
from densephrase.index.format.shard_format import SIDES, stored_columns

if TYPE_CHECKING:
    from densephrase.encoder.config import EncoderConfig
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

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
    rows: dict[str, list[NDArray[Any]]]  # codes that are no columns, in a compact index: they go into other files

    @property
    def bytes(self) -> int:
        """Size of all columns, and of codes that are none."""
        return sum(piece.nbytes for column in [*self.columns.values(), *self.rows.values()] for piece in column)

    def write(self, path: Path) -> dict[str, str]:
        """Write the shard's file in one step and return its checksums, as `write_columns` does."""
        return write_pieces(path, self.columns, "shard")

    def write_rows(self, path: Path) -> dict[str, str]:
        """Write the codes that are no columns of the shard to a file of their own; return its checksums."""
        return write_pieces(path, self.rows, "rows")


def plain_quantisation(config: EncoderConfig) -> Quantisation:
    """Return how an encoder's own codes are stored."""
    return Quantisation("int8", config.vector_size, config.coherency_rank, config.sparse_rank)


def build_shard(
    documents: Sequence[Document],
    encoder: PhraseEncoder | CompactEncoder,
    report: Report = _ignore,
    quantisation: Quantisation | None = None,
) -> ShardContent:
    """Return the content of the shard that holds `documents`.

    `quantisation` is that of the encoder's rows, None for codes of 8 bits. `report(documents, characters, tokens)` is
    called with what was encoded since its last call.

    Raises:
        BuildError: if the encoder gives rows that do not fit its own configuration.
    """
    paragraphs = encoder.split_paragraphs([document.text for document in documents])
    flat = [(row, paragraph) for row, members in enumerate(paragraphs) for paragraph in members]
    form = quantisation or plain_quantisation(encoder.config)
    dtype, factors, has_sparse = form.code_type, form.factor_columns, form.sparse_rank > 0
    plain = plain_quantisation(encoder.config)  # what rows are until the lists are made
    sides = [
        SideRows(side, plain.code_type, plain.columns, dtype, count, has_sparse)
        for side, count in ((SIDES[0], factors[0]), (SIDES[1], factors[1]))
    ]
    tokens: list[int] = []
    token_ids, token_keys = [np.empty(0, np.int32)], [np.empty((0, factors[2]), dtype)]
    spelled = SpelledParagraphs(documents, encoder.codebooks.pieces) if isinstance(encoder, CompactEncoder) else None
    finished = 0
    for first in range(0, len(flat), ENCODED_TOGETHER):
        after = first + ENCODED_TOGETHER
        chunk = flat[first:after]
        encoded = _encode(chunk, documents, encoder)
        for side in sides:
            side.add(encoded)
        tokens += [item.tokens for item in encoded]
        token_ids.append(np.concatenate([item.token_ids for item in encoded]))
        if spelled is not None:
            spelled.add(flat[first : after + 1], encoded)
        if has_sparse:
            token_keys.append(np.concatenate([_checked_keys(item, factors[2], dtype) for item in encoded]))
        del encoded
        if first // ENCODED_TOGETHER % _TRIMMED_AFTER == _TRIMMED_AFTER - 1:
            trim_memory()
        before, finished = finished, flat[after][0] if after < len(flat) else len(documents)
        report(finished - before, sum(len(item.text) for _, item in chunk), sum(tokens[first:]))
    whole = {
        **document_columns(documents, [len(members) for members in paragraphs]),
        **paragraph_columns(flat, tokens, documents),
    }
    columns: dict[str, list[NDArray[Any]]] = {name: [column] for name, column in whole.items()}
    for side in sides:
        columns |= side.columns()
    columns |= {"token_ids": narrow(token_ids), "token_keys": token_keys}
    if spelled is not None:
        columns |= {name: [column] for name, column in spelled.columns().items()}
        columns |= {f"{side.side}_kept": [side.kept(tokens)] for side in sides}
    counts = Counts(len(documents), len(flat), sum(tokens), *(sum(side.rows) for side in sides))
    stored = stored_columns(form)
    rows = {name: columns[name] for name in ("start_codes", "end_codes") if name not in stored}
    return ShardContent({name: column for name, column in columns.items() if name in stored}, counts, rows)


def _encode(
    chunk: Sequence[tuple[int, Paragraph]], documents: Sequence[Document], encoder: PhraseEncoder | CompactEncoder
) -> list[EncodedParagraph]:
    inputs = [ParagraphInput(paragraph.text, documents[row].title) for row, paragraph in chunk]
    encoded = encoder.encode_paragraphs(inputs)
    if len(encoded) != len(inputs):
        raise BuildError(f"The encoder returned {len(encoded)} results for {len(inputs)} paragraphs.")
    return encoded


def _checked_keys(item: EncodedParagraph, size: int, dtype: str) -> NDArray[Any]:
    keys, shape = item.token_keys, (item.tokens, size)
    if keys is None or keys.dtype != dtype or keys.shape != shape or len(item.token_ids) != item.tokens:
        found = "no sparse keys" if keys is None else f"sparse keys of {keys.dtype} {keys.shape}"
        raise BuildError(
            f"The encoder returned {found} and {len(item.token_ids)} word pieces for {item.tokens} tokens; its "
            f"configuration promises {dtype} keys {shape} and a word piece for each token."
        )
    return keys
