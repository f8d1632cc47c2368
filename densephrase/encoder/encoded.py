"""What goes into the encoder and what comes out of it."""

from __future__ import annotations

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

    Token numbers count the paragraph's own word pieces from 0; characters are code points of the paragraph.
    """

    tokens: int
    start_token: NDArray[np.int32]  # [S] ascending
    start_char: NDArray[np.int32]  # [S]
    start_codes: NDArray[np.int8]  # [S, row_size]
    end_token: NDArray[np.int32]  # [E] ascending
    end_char: NDArray[np.int32]  # [E] exclusive
    end_codes: NDArray[np.int8]  # [E, row_size]


@dataclass(frozen=True, slots=True)
class QuestionVectors:
    """Question vectors, scaled so that scores are plain dot products."""

    start: NDArray[np.float32]  # [n, vector_size]
    end: NDArray[np.float32]  # [n, vector_size]
