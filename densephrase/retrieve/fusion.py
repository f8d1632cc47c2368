"""One ranking out of two: a weighted sum of scores, or reciprocal ranks.

Sources: the sum of DPR and BM25, Karpukhin et al. (2020), section 5; reciprocal rank fusion, Cormack et al. (2009). The
candidates are what either side proposes; each has the exact scores of both, so that none is judged by one alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RANK_OFFSET = 60  # of Cormack et al.: with it, a first rank counts little more than a second
_STEPS = 4  # powers of two that the weights to choose from reach, on either side of an equal spread


@dataclass(frozen=True, slots=True, eq=False)
class FusionCandidates:
    """What either side proposes for one question.

    rows: int64 [n] ascending, each once, with `dense` and `bm25` scores float64 [n] of all.
    by_dense, by_bm25: the rows that each side proposed, best first.
    """

    rows: NDArray[np.int64]
    dense: NDArray[np.float64]
    bm25: NDArray[np.float64]
    by_dense: NDArray[np.int64]
    by_bm25: NDArray[np.int64]

    def weighted(self, term_weight: float) -> NDArray[np.float64]:
        """Return `dense + term_weight * bm25` of each row."""
        scores: NDArray[np.float64] = self.dense + term_weight * self.bm25
        return scores

    def reciprocal(self) -> NDArray[np.float64]:
        """Return the sum of `1 / (RANK_OFFSET + rank)` of each row over the sides that propose it, ranks from 1."""
        scores = np.zeros(len(self.rows))
        for side in (self.by_dense, self.by_bm25):
            scores[np.searchsorted(self.rows, side)] += 1 / (RANK_OFFSET + np.arange(1, len(side) + 1))
        return scores


def best_first(scores: NDArray[np.float64], top_k: int) -> NDArray[np.int64]:
    """Return the places of the `top_k` largest scores, best first; of equal ones the first comes first."""
    order: NDArray[np.int64] = np.argsort(-scores, kind="stable")[:top_k]
    return order


@dataclass(frozen=True, slots=True)
class WeightFigures:
    """How good rankings with one weight are.

    accuracy: share of questions with a relevant passage among the first k.
    reciprocal_rank: mean of 1 / rank of the first relevant one, 0 where there is none among the first k.
    """

    term_weight: float
    accuracy: float
    reciprocal_rank: float


def spread_weights(candidates: Sequence[FusionCandidates]) -> list[float]:
    """Return weights to choose from: 0, and powers of two times the weight at which both sides spread equally."""
    dense, bm25 = (
        np.mean([0.0, *(getattr(some, side).std() for some in candidates if len(some.rows))])
        for side in ("dense", "bm25")
    )
    equal = float(dense / bm25) if dense and bm25 else 1.0
    return [0.0, *(equal * 2.0**power for power in range(-_STEPS, _STEPS + 1))]


def measure_weights(
    candidates: Sequence[FusionCandidates],
    relevant: Sequence[NDArray[np.bool_]],
    weights: Sequence[float],
    k: int,
) -> list[WeightFigures]:
    """Return the figures of each weight over some questions, none of which may be a test's.

    relevant: which of each question's `candidates[i].rows` are, bool [n].

    Raises:
        ValueError: if there are no questions, or their judgements are of another number.
    """
    if not candidates or [len(some.rows) for some in candidates] != [len(judged) for judged in relevant]:
        raise ValueError(
            f"Weights need questions with a judgement for each candidate; found {len(candidates)} questions with "
            f"{sum(len(some.rows) for some in candidates)} candidates, {len(relevant)} with {sum(map(len, relevant))}."
        )
    figures = []
    for weight in weights:
        ranks = [
            _first_rank(judged[best_first(some.weighted(weight), k)])
            for some, judged in zip(candidates, relevant, strict=True)
        ]
        found = [1 / rank for rank in ranks if rank]
        figures.append(WeightFigures(weight, len(found) / len(ranks), sum(found) / len(ranks)))
    return figures


def best_weight(figures: Sequence[WeightFigures]) -> float:
    """Return the weight with the best accuracy; of equal ones that with the best reciprocal rank, then the smallest."""
    return min(figures, key=lambda one: (-one.accuracy, -one.reciprocal_rank, one.term_weight)).term_weight


def _first_rank(judged: NDArray[np.bool_]) -> int:
    """Return the rank of the first relevant one of a ranking, from 1; 0 where there is none."""
    return int(judged.argmax()) + 1 if judged.any() else 0
