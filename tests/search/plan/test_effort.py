"""How many candidates are looked at: what is asked for, else what the strategy takes."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from densephrase.search.plan.effort import Effort
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import COMPACT, DEFAULTS, Strategy

INDEX = {"rows": 1_000_000, "lists": 4096, "groups": 64}
SIDES = {"hybrid": (True, True), "dense-first": (True, False), "sparse-first": (False, True)}


def choose(strategy: Any, **options: Any) -> Effort:
    """Return the effort of a search of an index of a million starts."""
    return Effort.choose(SearchOptions(strategy, **options), **INDEX)


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_a_side_that_the_strategy_does_not_use_proposes_nothing(strategy: Strategy) -> None:
    dense, sparse = SIDES[strategy]
    for effort in (choose(strategy), choose(strategy, dense_candidates=7, paragraph_candidates=9)):
        assert (effort.starts > 0, effort.paragraphs > 0) == (dense, sparse)


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_what_is_asked_for_is_taken(strategy: Strategy) -> None:
    dense, sparse = SIDES[strategy]
    effort = choose(strategy, dense_candidates=7, paragraph_candidates=9, probes=11)
    assert (effort.starts, effort.probes, effort.paragraphs) == (7 * dense, 11, 9 * sparse)


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_what_is_not_asked_for_is_the_strategys(strategy: Strategy) -> None:
    default = DEFAULTS[strategy]
    effort = choose(strategy)
    assert (effort.starts, effort.paragraphs) == (default.starts, default.paragraphs)
    assert 1 <= effort.probes <= INDEX["lists"]
    assert 1 <= effort.groups <= INDEX["groups"]


def test_a_side_alone_looks_further_than_beside_the_other() -> None:
    hybrid, dense, sparse = (choose(strategy) for strategy in ("hybrid", "dense-first", "sparse-first"))
    assert dense.starts > hybrid.starts
    assert dense.probes > hybrid.probes
    assert sparse.paragraphs > hybrid.paragraphs


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_exhaustive_search_takes_all_of_one_side(strategy: Strategy) -> None:
    effort = choose(strategy, exhaustive=True, dense_candidates=1, paragraph_candidates=1, probes=1)
    everything, nothing = (effort.paragraphs, effort.starts)[:: -1 if SIDES[strategy][0] else 1]
    assert everything > 10**15
    assert nothing == 0


@pytest.mark.parametrize("probes", [4096, 10**6])
def test_all_lists_are_in_all_groups(probes: int) -> None:
    assert choose("hybrid", probes=probes).groups >= INDEX["groups"]


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_an_index_without_lists(strategy: Strategy) -> None:
    effort = Effort.choose(SearchOptions(strategy), rows=0, lists=0, groups=0)
    assert effort.starts == DEFAULTS[strategy].starts


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_a_compact_index_has_defaults_of_its_own(strategy: Strategy) -> None:
    effort = Effort.choose(SearchOptions(strategy), **INDEX, is_compact=True)
    default = COMPACT[strategy]
    assert (effort.starts, effort.paragraphs) == (default.starts, default.paragraphs)
    assert effort.most_starts <= choose(strategy).most_starts
    asked = Effort.choose(SearchOptions(strategy, dense_candidates=7, probes=11), **INDEX, is_compact=True)
    assert asked.probes == 11
