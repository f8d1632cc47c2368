"""Two rankings made one, by hand-made cases and by plain loops over random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.retrieve.fusion import (
    FusionCandidates,
    WeightFigures,
    best_first,
    best_weight,
    measure_weights,
    spread_weights,
)


def candidates(dense: dict[int, float], bm25: dict[int, float], proposed: int = 2) -> FusionCandidates:
    """Return candidates with these scores by row, of which each side proposes its best."""
    rows = sorted(dense)
    sides = [sorted(side, key=lambda row: (-side[row], row))[:proposed] for side in (dense, bm25)]
    return FusionCandidates(
        np.array(rows, np.int64),
        dense=np.array([dense[row] for row in rows], np.float64),
        bm25=np.array([bm25[row] for row in rows], np.float64),
        by_dense=np.array(sides[0], np.int64),
        by_bm25=np.array(sides[1], np.int64),
    )


SOME = candidates({3: 1.0, 5: 3.0, 8: 2.0, 9: 2.5}, {3: 9.0, 5: 0.0, 8: 6.0, 9: 0.0})


def test_weighted_sum() -> None:
    assert SOME.weighted(0.0).tolist() == [1.0, 3.0, 2.0, 2.5]
    assert SOME.weighted(0.5).tolist() == [5.5, 3.0, 5.0, 2.5]


def test_reciprocal_ranks() -> None:
    # Dense proposes 5 and 9, BM25 proposes 3 and 8.
    assert SOME.reciprocal() == pytest.approx([1 / 61, 1 / 61, 1 / 62, 1 / 62])
    both = candidates({1: 2.0, 2: 1.0, 4: 0.0}, {1: 0.0, 2: 7.0, 4: 1.0})
    assert both.reciprocal() == pytest.approx([1 / 61, 1 / 62 + 1 / 61, 1 / 62])


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 3)), max_size=20), st.integers(1, 25))
def test_reciprocal_ranks_of_any_sides(scores: list[tuple[int, int]], proposed: int) -> None:
    dense, bm25 = ({row: float(both[side]) for row, both in enumerate(scores)} for side in range(2))
    some = candidates(dense, bm25, proposed)
    expected = [
        sum(1 / (60 + list(side).index(row) + 1) for side in (some.by_dense, some.by_bm25) if row in side)
        for row in range(len(scores))
    ]
    assert some.reciprocal() == pytest.approx(expected)


@given(st.lists(st.integers(-2, 2), max_size=30), st.integers(1, 40))
def test_best_first_is_a_stable_sort(scores: list[int], top_k: int) -> None:
    expected = sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:top_k]
    assert best_first(np.array(scores, np.float64), top_k).tolist() == expected


def test_weights_are_measured_by_rank() -> None:
    relevant = [np.array([False, False, True, False])]
    figures = measure_weights([SOME], relevant, [0.0, 0.1, 0.5, 10.0], k=2)
    # By dense alone, row 8 is third; a little of BM25 makes it second; so does a lot.
    assert figures == [
        WeightFigures(0.0, 0.0, 0.0),
        WeightFigures(0.1, 1.0, 0.5),
        WeightFigures(0.5, 1.0, 0.5),
        WeightFigures(10.0, 1.0, 0.5),
    ]
    assert best_weight(figures) == 0.1


def test_questions_without_a_relevant_candidate_count() -> None:
    nothing = candidates({}, {})
    relevant = [np.array([True, False, False, False]), np.zeros(0, bool)]
    assert measure_weights([SOME, nothing], relevant, [1.0], k=4) == [WeightFigures(1.0, 0.5, 0.5)]


def test_accuracy_decides_before_reciprocal_rank() -> None:
    figures = [WeightFigures(0.5, 0.6, 0.9), WeightFigures(2.0, 0.7, 0.5), WeightFigures(1.0, 0.7, 0.5)]
    assert best_weight(figures) == 1.0


@pytest.mark.parametrize(
    ("given_candidates", "relevant"), [([], []), ([SOME], []), ([SOME], [np.zeros(3, bool)])], ids=["0", "1/0", "4/3"]
)
def test_judgements_must_fit(given_candidates: list[FusionCandidates], relevant: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="a judgement for each candidate"):
        measure_weights(given_candidates, relevant, [1.0], 5)


def test_weights_to_choose_from_follow_the_spread() -> None:
    weights = spread_weights([SOME])
    equal = SOME.dense.std() / SOME.bm25.std()
    assert weights == pytest.approx([0.0, *(equal * 2.0**power for power in range(-4, 5))])
    assert spread_weights([])[5] == 1.0
    assert spread_weights([candidates({1: 2.0}, {1: 3.0})])[5] == 1.0
