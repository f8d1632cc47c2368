"""An encoder that stores more or less than it was made to, for `benchmarks.tuning.storage_curve`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.encoded import EncodedParagraph, ParagraphInput, QuestionVectors
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.quantise.scalar import VectorQuantiser

if TYPE_CHECKING:
    from benchmarks.quality.held_out_search import HeldOutSearch

_LOWEST = -1e6  # as good as no threshold, and a number that JSON knows


def unrounded(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows as they are."""
    return rows


def rounded_by_row(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the values that int8 codes with one scale for each row stand for."""
    scale = np.maximum(np.abs(rows).max(1, keepdims=True), 1e-12) / 127
    values: NDArray[np.float32] = np.rint(rows / scale) * scale
    return values


class _Rounding:
    """Stands in for a quantiser: its codes are the float32 values that they stand for."""

    def __init__(self, like: VectorQuantiser, rounding: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self.offset, self.scale, self._rounding = like.offset, like.scale, rounding

    def encode(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._rounding(rows)

    def decode(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        return codes


class StoredForm:
    """An encoder that stores more or less than it was made to: what `HeldOutSearch` needs of one."""

    def __init__(
        self,
        encoder: PhraseEncoder,
        *,
        shift: float = 0.0,
        dimensions: int | None = None,
        rounding: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
    ) -> None:
        """Move the filter's thresholds by `shift` logits, keep another count of dimensions, round so."""
        config = replace(
            encoder.config,
            start_threshold=encoder.config.start_threshold + shift,
            end_threshold=encoder.config.end_threshold + shift,
        )
        quantisers = (encoder.start_quantiser, encoder.end_quantiser)
        used = quantisers if rounding is None else tuple(_Rounding(quantiser, rounding) for quantiser in quantisers)
        self._encoder = copy.copy(encoder)
        self._encoder.start_quantiser, self._encoder.end_quantiser = used  # type: ignore[assignment]
        self._encoder.config = config
        self._size = dimensions or config.vector_size
        columns = np.r_[: self._size, config.vector_size : config.row_size]
        self._columns = slice(None) if dimensions is None else columns
        self.config = replace(config, vector_size=self._size)
        self.sparse_scale = encoder.sparse_scale
        self.start_quantiser, self.end_quantiser = (
            item
            if isinstance(item, _Rounding)
            else VectorQuantiser(item.offset[self._columns], item.scale[self._columns])
            for item in used
        )
        self.code_bytes = 4 if rounding is unrounded else 1

    def encode_paragraphs(self, paragraphs: Sequence[ParagraphInput]) -> list[EncodedParagraph]:
        """Return the stored form of paragraphs."""
        return [
            replace(
                item,
                start_codes=item.start_codes[:, self._columns],
                end_codes=item.end_codes[:, self._columns],
            )
            for item in self._encoder.encode_paragraphs(paragraphs)
        ]

    def save(self, folder: str) -> None:
        """Write the encoder that stores so; SystemExit for a form that no index has."""
        if (
            not isinstance(self._encoder.start_quantiser, VectorQuantiser)
            or self._size != self._encoder.model.config.vector_size
        ):
            raise SystemExit("An index holds 8-bit rows of all dimensions, with a scale for each; choose such a form.")
        config = self._encoder.config
        thresholds = {name: max(getattr(config, name), _LOWEST) for name in ("start_threshold", "end_threshold")}
        self._encoder.save_pretrained(folder)
        replace(config, **thresholds).save(Path(folder))

    def row_bytes(self, search: HeldOutSearch) -> int:
        """Return the bytes of start rows, end rows and their sparse vectors of the paragraphs that `search` holds."""
        rows, rank = search.starts + search.ends, self.config.sparse_rank
        return rows * (self.config.row_size * self.code_bytes + 2 * rank) + search.tokens * 4 * rank

    def encode_questions(self, questions: Sequence[str]) -> QuestionVectors:
        """Return the vectors of questions."""
        full = self._encoder.encode_questions(questions)
        return replace(full, start=full.start[:, : self._size], end=full.end[:, : self._size])
