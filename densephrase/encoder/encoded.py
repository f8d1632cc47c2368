"""Inputs and outputs of encoders: paragraphs, their quantised rows, and question vectors with weighted n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ParagraphInput:
    """A paragraph to encode, with its document's title ("" for none)."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class EncodedParagraph:
    """The stored form of a paragraph: filtered, quantised rows in the order of its tokens.

    Token numbers count the paragraph's own word pieces from 0; characters are code points of the paragraph. Sparse
    vectors are factors of r dimensions (`densephrase.encoder.phrase.sparse_factors`), None without Sparc heads.
    """

    tokens: int
    start_token: NDArray[np.int32]  # [S] ascending
    start_char: NDArray[np.int32]  # [S]
    start_codes: NDArray[np.int8]  # [S, row_size]
    end_token: NDArray[np.int32]  # [E] ascending
    end_char: NDArray[np.int32]  # [E] exclusive
    end_codes: NDArray[np.int8]  # [E, row_size]
    token_ids: NDArray[np.int32]  # [tokens] word pieces
    start_sparse: NDArray[np.int8] | None = None  # [S, 2 * r] factors q: unigrams, bigrams
    end_sparse: NDArray[np.int8] | None = None  # [E, 2 * r]
    token_keys: NDArray[np.int8] | None = None  # [tokens, 4 * r] factors k, by head
    offsets: NDArray[np.int32] | None = None  # [tokens, 2] where each token begins and ends


@dataclass(frozen=True, slots=True)
class QuestionNgrams:
    """A question's sparse vector: each n-gram once, with its weights for starts and for ends."""

    unigrams: NDArray[np.int32]  # [n] word pieces, ascending
    unigram_weights: NDArray[np.float32]  # [2, n]
    bigrams: NDArray[np.int64]  # [m] first piece * 2**32 + second, ascending
    bigram_weights: NDArray[np.float32]  # [2, m]


@dataclass(frozen=True, slots=True)
class QuestionVectors:
    """Question vectors, scaled so that scores are plain dot products."""

    start: NDArray[np.float32]  # [n, vector_size]
    end: NDArray[np.float32]  # [n, vector_size]
    sparse: tuple[QuestionNgrams, ...] | None = None  # one for each question; None without Sparc heads

    @classmethod
    def none(cls, vector_size: int, sparse: bool) -> QuestionVectors:
        """Return those of no question."""
        nothing = np.empty((0, vector_size), np.float32)
        return cls(nothing, nothing, () if sparse else None)

    @classmethod
    def joined(cls, parts: Sequence[QuestionVectors]) -> QuestionVectors:
        """Return the vectors of some parts, at least one, that follow one another; all or none are sparse."""
        start, end = (np.concatenate([getattr(part, side) for part in parts]) for side in ("start", "end"))
        if parts[0].sparse is None:
            return cls(start, end)
        return cls(start, end, tuple(item for part in parts for item in part.sparse or ()))

    def part(self, rows: slice) -> QuestionVectors:
        """Return the vectors of some consecutive questions."""
        return QuestionVectors(self.start[rows], self.end[rows], None if self.sparse is None else self.sparse[rows])
