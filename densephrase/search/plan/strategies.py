"""Search strategies: how many candidates each side proposes (Sparc, section 4; DenSPI, section 5).

A strategy is its name in `Strategy` and its row of `DEFAULTS`; options, command line and effort take it from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Strategy = Literal["hybrid", "dense-first", "sparse-first"]


@dataclass(frozen=True, slots=True)
class StrategyEffort:
    """What a strategy proposes where the options leave it open; a side that proposes nothing has no part in it.

    starts: of the dense side, out of so many times the lists that `choose_probes` gives as `probed` says.
    paragraphs: of the sparse side, whose starts are all candidates.
    most_starts: of all these, so many get their ends and sparse scores.
    """

    starts: int
    probed: float
    paragraphs: int
    most_starts: int


# Where both sides propose, each may propose less: the best answer is nearly always among the first of one of them.
DEFAULTS: dict[Strategy, StrategyEffort] = {
    "hybrid": StrategyEffort(starts=100, probed=0.25, paragraphs=30, most_starts=300),
    "dense-first": StrategyEffort(starts=1000, probed=2.0, paragraphs=0, most_starts=1000),
    "sparse-first": StrategyEffort(starts=0, probed=0.0, paragraphs=100, most_starts=600),
}

# A product-quantised row takes longer to read, and fewer candidates lose next to nothing (`benchmarks.quality.effort`).
COMPACT: dict[Strategy, StrategyEffort] = {
    **DEFAULTS,
    "hybrid": StrategyEffort(starts=60, probed=0.18, paragraphs=15, most_starts=100),
}
