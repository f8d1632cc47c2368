"""A question made ready for the kernels, with the factors that its search uses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from densephrase.encoder.config import EncoderConfig
from densephrase.kernels.sparse import SparseQuestion
from densephrase.search.fixed_point import FixedPointVector
from densephrase.search.options import SearchOptions
from densephrase.search.sparse_question import NO_NGRAMS
from densephrase.terms.term_index import TermScores


@dataclass(frozen=True, slots=True)
class Scoring:
    """What a phrase's score depends on beside the question: options, or the encoder's defaults where they are None."""

    max_answer_tokens: int
    paragraph_weight: float
    document_weight: float

    @classmethod
    def choose(cls, options: SearchOptions, config: EncoderConfig) -> Scoring:
        """Fill in the encoder's defaults."""
        chosen = [
            getattr(config if getattr(options, name) is None else options, name)
            for name in ("max_answer_tokens", "paragraph_weight", "document_weight")
        ]
        return cls(int(chosen[0]), float(chosen[1]), float(chosen[2]))

    @property
    def uses_terms(self) -> bool:
        """Whether term scores count at all."""
        return self.paragraph_weight != 0 or self.document_weight != 0


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """A question's start vector float32 [V], both vectors and sparse vectors for the kernels, and its term scores."""

    start_vector: NDArray[np.float32]
    start: FixedPointVector
    end: FixedPointVector
    terms: TermScores
    start_sparse: SparseQuestion = NO_NGRAMS
    end_sparse: SparseQuestion = NO_NGRAMS
