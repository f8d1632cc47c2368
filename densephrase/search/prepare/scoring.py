"""Score settings: the weights and limits that a phrase's score depends on beside the question."""

from __future__ import annotations

from dataclasses import dataclass

from densephrase.encoder.config import EncoderConfig
from densephrase.kernels import best_spans as kernels
from densephrase.search.plan.options import SearchOptions
from densephrase.search.prepare.coherency import CoherencyScale


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Limits and weights: those of the options, or the encoder's defaults where they are None."""

    max_answer_tokens: int
    paragraph_weight: float
    document_weight: float

    @classmethod
    def choose(cls, options: SearchOptions, config: EncoderConfig) -> ScoreSettings:
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

    def for_kernels(self, coherency: CoherencyScale, most_starts: int) -> kernels.Scoring:
        """Return them as kernels take them, with the scale of stored coherency and how many starts get ends."""
        weights = self.paragraph_weight, self.document_weight
        return kernels.Scoring(most_starts, self.max_answer_tokens, *weights, coherency.scale, coherency.step)
