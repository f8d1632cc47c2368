"""An encoder whose sparse factors are product-quantised, one byte each, as a compact index holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Paragraph
from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput
from densephrase.index.compact.codebooks import Codebooks
from densephrase.quantise.product import ProductQuantiser

# Logits by which a compact index raises the thresholds of the phrase filter: 15 % fewer rows for 0.2 EM.
FILTER_MARGIN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class CompactEncoder:
    """Encodes as `encoder` does, then rounds its factors of 8 bits once more, with `codebooks`.

    Rounding twice costs next to nothing: the first rounding is finer by far. Rows stay as they are until the inverted
    lists are made.
    """

    encoder: Any
    codebooks: Codebooks

    @property
    def config(self) -> Any:
        """That of the encoder."""
        return self.encoder.config

    def split_paragraphs(self, texts: Sequence[str]) -> list[list[Paragraph]]:
        """Cut texts as the encoder does."""
        paragraphs: list[list[Paragraph]] = self.encoder.split_paragraphs(texts)
        return paragraphs

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        """Return the stored form of each paragraph; all codes but those of rows are bytes that come as uint8."""
        encoded: list[EncodedParagraph] = self.encoder.encode_paragraphs(paragraphs)
        if self.encoder.sparse_scale is None:
            return encoded
        starts = {head: quantiser for head, quantiser in self.codebooks.queries.items() if head < 2}
        ends = {head - 2: quantiser for head, quantiser in self.codebooks.queries.items() if head >= 2}
        encoded = self._replaced(encoded, "start_sparse", self._factors(starts))
        encoded = self._replaced(encoded, "end_sparse", self._factors(ends))
        return self._replaced(encoded, "token_keys", self._factors(self.codebooks.keys))

    @staticmethod
    def _replaced(encoded: list[EncodedParagraph], name: str, encode: Any) -> list[EncodedParagraph]:
        """Encode one column of all paragraphs at once."""
        if not encoded:
            return encoded
        columns = [getattr(item, name) for item in encoded]
        pieces = np.split(encode(np.concatenate(columns)), np.cumsum([len(column) for column in columns])[:-1])
        changes: list[dict[str, Any]] = [{name: piece} for piece in pieces]
        return [replace(item, **change) for item, change in zip(encoded, changes, strict=True)]

    def _factors(self, quantisers: Mapping[int, ProductQuantiser]) -> Any:
        """Return what encodes the factors of the heads of a column, numbered from 0 as they stand in it."""
        rank = self.encoder.config.sparse_rank

        def encode(codes: NDArray[np.int8]) -> NDArray[np.uint8]:
            values = codes.astype(np.float32)
            parts = [item.encode(values[:, head * rank : (head + 1) * rank]) for head, item in quantisers.items()]
            return np.concatenate([np.empty((len(codes), 0), np.uint8), *parts], axis=1)

        return encode
