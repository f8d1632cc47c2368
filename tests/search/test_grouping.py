"""Ranking and grouping against full sorts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.search.grouping import group_spans, ranked

SCORES = st.lists(st.integers(-3, 3), max_size=60)


@settings(deadline=None)
@given(SCORES, st.integers(1, 70))
def test_ranked_is_a_stable_sort(values: list[int], first: int) -> None:
    scores = np.array(values, np.float64)
    assert list(ranked(scores, first)) == np.argsort(-scores, kind="stable").tolist()


@settings(deadline=None)
@given(SCORES, st.integers(1, 12), st.integers(1, 70))
def test_groups_hold_the_best_members_first(values: list[int], top_k: int, evidence_spans: int) -> None:
    scores = np.array(values, np.float64)
    order = np.argsort(-scores, kind="stable").tolist()
    groups = group_spans(scores, lambda row: row % 5, top_k, evidence_spans)
    best = list(dict.fromkeys(row % 5 for row in order))[:top_k]
    assert [group[0] % 5 for group in groups] == best
    for name, group in zip(best, groups, strict=True):
        members = [row for row in order if row % 5 == name]
        seen = [row for row in order[:evidence_spans] if row % 5 == name]
        assert group == members[: len(group)]
        assert len(group) >= max(len(seen), 1)


@pytest.mark.parametrize(
    ("evidence_spans", "expected"), [(1, [[0, 1, 2], [3]]), (5, [[0, 1, 2], [3, 4]]), (6, [[0, 1, 2, 5], [3, 4]])]
)
def test_evidence_is_looked_for_among_the_best_spans(evidence_spans: int, expected: list[list[int]]) -> None:
    names = ["a", "a", "a", "b", "b", "a"]
    assert group_spans(-np.arange(6.0), names.__getitem__, 2, evidence_spans) == expected


def test_all_spans_are_looked_at_while_answers_are_missing() -> None:
    names = ["a"] * 500 + ["b"]
    assert [len(group) for group in group_spans(np.zeros(501), names.__getitem__, 3, 10)] == [500, 1]
