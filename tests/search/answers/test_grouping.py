"""Ranking and grouping against full sorts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.search.answers.grouping import distinct, group_spans, ranked

SCORES = st.lists(st.integers(-3, 3), max_size=60)


@settings(deadline=None)
@given(SCORES, st.integers(1, 70))
def test_ranked_is_a_stable_sort(values: list[int], first: int) -> None:
    scores = np.array(values, np.float64)
    assert list(ranked(scores, first)) == np.argsort(-scores, kind="stable").tolist()


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 8), st.integers(1, 70))
def test_groups_hold_the_members_among_the_best(names: list[int], top_k: int, evidence_spans: int) -> None:
    groups = group_spans(range(len(names)), names.__getitem__, top_k, evidence_spans)
    best = list(dict.fromkeys(names))[:top_k]
    members = [[row for row, name in enumerate(names) if name == one] for one in best]
    assert groups == [[rows[0], *(row for row in rows[1:] if row < evidence_spans)] for rows in members]


@pytest.mark.parametrize(
    ("evidence_spans", "expected"),
    [(1, [[0], [3]]), (2, [[0, 1], [3]]), (5, [[0, 1, 2], [3, 4]]), (6, [[0, 1, 2, 5], [3, 4]])],
)
def test_evidence_is_looked_for_among_the_best_spans(evidence_spans: int, expected: list[list[int]]) -> None:
    assert group_spans(range(6), "aaabba".__getitem__, 2, evidence_spans) == expected


def test_rows_keep_the_order_they_come_in() -> None:
    assert group_spans([4, 0, 3, 1], "ababa".__getitem__, 3, 10) == [[4, 0], [3, 1]]


def test_all_spans_are_looked_at_while_answers_are_missing() -> None:
    names = ["a"] * 500 + ["b"]
    assert [len(group) for group in group_spans(range(501), names.__getitem__, 3, 10)] == [10, 1]


def test_no_span_is_looked_at_once_all_answers_are_there() -> None:
    looked_at: list[int] = []

    def name(row: int) -> int:
        looked_at.append(row)
        return row % 2

    assert group_spans(range(1000), name, 2, 5) == [[0, 2, 4], [1, 3]]
    assert looked_at == [0, 1, 2, 3, 4]


def test_rows_of_a_place_that_was_there_are_left_out() -> None:
    assert list(distinct([4, 0, 3, 1, 2], "abcab".__getitem__)) == [4, 0, 2]
