"""Turn documents into the columns of a shard of passages, and their paragraphs into codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densephrase.build_index.passages.passage_source import CutDocument
from densephrase.build_index.run.resources import trim_memory
from densephrase.build_index.shards.shard_builder import ENCODED_TOGETHER
from densephrase.build_index.shards.text_columns import document_columns, paragraph_columns, write_pieces
from densephrase.data import Document
from densephrase.encoder.encoded import ParagraphInput
from densephrase.errors import BuildError
from densephrase.index.format.index_parts import TextCounts
from densephrase.index.passages.passage_vectors import CODES
from densephrase.quantise.scalar import VectorQuantiser

if TYPE_CHECKING:
    from densephrase.encoder.passage.passage_encoder import PassageEncoder

_TRIMMED_AFTER = 4  # calls of the encoder

ReportPassages = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class PassageCoder:
    """An encoder and the quantiser of its vectors."""

    encoder: PassageEncoder
    quantiser: VectorQuantiser

    def codes(self, passages: Sequence[ParagraphInput]) -> NDArray[np.int8]:
        """Return the codes of passages, int8 [n, vector_size]."""
        return self.quantiser.encode(encode_checked(self.encoder, passages))


@dataclass(frozen=True, slots=True)
class PassageShardContent:
    """The columns of a shard, and the codes of its passages as pieces, none in an index of terms only."""

    columns: dict[str, NDArray[Any]]
    counts: TextCounts
    codes: list[NDArray[np.int8]]

    def write(self, path: Path) -> dict[str, str]:
        """Write the shard's file in one step and return its checksums."""
        return write_pieces(path, {name: [column] for name, column in self.columns.items()}, "shard")

    def write_codes(self, path: Path) -> dict[str, str]:
        """Write the codes to a file of their own in one step and return its checksums."""
        return write_pieces(path, {CODES: self.codes}, "rows")


def build_passage_shard(
    documents: Sequence[Document], cut: Sequence[CutDocument], coder: PassageCoder | None, report: ReportPassages
) -> PassageShardContent:
    """Return the content of the shard that holds `documents`, which are `cut` so.

    `report(documents, characters, tokens)` is called with what was encoded since its last call.

    Raises:
        BuildError: if the encoder gives vectors that do not fit its own configuration.
    """
    flat = [(row, paragraph) for row, item in enumerate(cut) for paragraph in item.paragraphs]
    tokens = [count for item in cut for count in item.tokens]
    codes: list[NDArray[np.int8]] = []
    if coder is not None:
        codes.append(np.empty((0, len(coder.quantiser.scale)), np.int8))
    finished = 0
    for number, first in enumerate(range(0, len(flat), ENCODED_TOGETHER)):
        after = first + ENCODED_TOGETHER
        chunk = flat[first:after]
        if coder is not None:
            codes.append(coder.codes([ParagraphInput(item.text, documents[row].title) for row, item in chunk]))
            if number % _TRIMMED_AFTER == _TRIMMED_AFTER - 1:
                trim_memory()
        before, finished = finished, flat[after][0] if after < len(flat) else len(documents)
        report(finished - before, sum(len(item.text) for _, item in chunk), sum(tokens[first:after]))
    columns = {
        **document_columns(documents, [len(item.paragraphs) for item in cut]),
        **paragraph_columns(flat, tokens, documents),
    }
    return PassageShardContent(columns, TextCounts(len(documents), len(flat), sum(tokens)), codes)


def encode_checked(encoder: PassageEncoder, passages: Sequence[ParagraphInput]) -> NDArray[np.float32]:
    """Return the vectors of passages, float32 [n, vector_size], encoded in groups of a fixed size.

    Raises:
        BuildError: if the encoder gives others than its configuration promises, or values that are not finite.
    """
    size = encoder.config.vector_size
    vectors: NDArray[np.float32] = np.empty((len(passages), size), np.float32)
    for first, group in _groups(passages):
        found = encoder.encode_passages(group)
        if found.dtype != np.float32 or found.shape != (len(group), size):
            raise BuildError(
                f"The encoder returned vectors of {found.dtype} {found.shape} for {len(group)} passages; its "
                f"configuration promises float32 {(len(group), size)}."
            )
        if not np.isfinite(found).all():
            raise BuildError(
                "The encoder returned a vector with values that are not finite; use another encoder, or train it again."
            )
        vectors[first : first + len(group)] = found
    return vectors


def _groups(passages: Sequence[ParagraphInput]) -> Iterator[tuple[int, Sequence[ParagraphInput]]]:
    for first in range(0, len(passages), ENCODED_TOGETHER):
        yield first, passages[first : first + ENCODED_TOGETHER]
