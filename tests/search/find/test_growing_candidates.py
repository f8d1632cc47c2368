"""As many answers as were asked for come back, if there are so many: candidates grow until they do."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from densephrase.search.plan import effort
from densephrase.search.plan.effort import Effort
from densephrase.search.plan.options import SearchOptions, Unit
from densephrase.search.plan.strategies import Strategy, StrategyEffort
from densephrase.search.searcher import Searcher
from densephrase.search.steps import SearchPlan
from tests.search.conftest import MakeSearcher, random_documents

QUESTION = "Paris river?"
FEW: dict[Strategy, StrategyEffort] = {
    "hybrid": StrategyEffort(starts=2, probed=0.25, paragraphs=1, most_starts=3),
    "dense-first": StrategyEffort(starts=3, probed=0.25, paragraphs=0, most_starts=3),
    "sparse-first": StrategyEffort(starts=0, probed=0.0, paragraphs=1, most_starts=3),
}


@pytest.fixture(params=[10**6, 0], ids=["flat", "lists"])
def searcher(request: pytest.FixtureRequest, make_searcher: MakeSearcher, monkeypatch: pytest.MonkeyPatch) -> Searcher:
    """A search that looks at very few candidates at first."""
    monkeypatch.setattr(effort, "DEFAULTS", FEW)
    made, _ = make_searcher(random_documents(3, documents=40), flat_limit=request.param)
    return made


@pytest.mark.parametrize("unit", get_args(Unit))
@pytest.mark.parametrize("strategy", get_args(Strategy))
@pytest.mark.parametrize("top_k", [10, 25, 500])
def test_there_are_as_many_answers_as_an_exhaustive_search_has(
    strategy: Strategy, unit: Unit, top_k: int, searcher: Searcher
) -> None:
    [found] = searcher.search([QUESTION], SearchOptions(strategy, unit, top_k))
    [everything] = searcher.search([QUESTION], SearchOptions(strategy, unit, top_k, exhaustive=True))
    assert len(found) == len(everything) <= top_k
    assert len(everything) == top_k or top_k > 10


@pytest.mark.parametrize("unit", ["paragraph", "document"])
def test_documents_that_are_left_out_are_made_up_for(unit: Unit, searcher: Searcher) -> None:
    [best] = searcher.search([QUESTION], SearchOptions(unit=unit, top_k=12))
    left_out = tuple({answer.document.id for answer in best})
    [others] = searcher.search([QUESTION], SearchOptions(unit=unit, top_k=12, exclude_documents=left_out))
    assert len(others) == 12
    assert not {answer.document.id for answer in others} & set(left_out)


def test_no_more_documents_are_looked_for_than_there_are(
    make_searcher: MakeSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher, reader = make_searcher(random_documents(3, documents=40))
    kept = {answer.document.id for answer in searcher.search([QUESTION], SearchOptions(unit="document", top_k=2))[0]}
    left_out = tuple({reader.document(row).id for row in range(40)} - kept)
    looks = _watch(monkeypatch)
    [found] = searcher.search([QUESTION], SearchOptions(unit="document", top_k=99, exclude_documents=left_out))
    assert {answer.document.id for answer in found} == kept
    assert len(set(looks)) == 1


@pytest.mark.parametrize(
    ("strategy", "limits"),
    [
        ("dense-first", {"dense_candidates": 2}),
        ("sparse-first", {"paragraph_candidates": 2}),
        ("hybrid", {"dense_candidates": 1, "paragraph_candidates": 1}),
    ],
)
def test_numbers_of_candidates_that_are_asked_for_are_kept(
    strategy: Strategy, limits: dict[str, int], searcher: Searcher
) -> None:
    [found] = searcher.search([QUESTION], SearchOptions(strategy, "paragraph", 30, **limits))
    assert 1 <= len(found) <= 2


def test_enough_phrases_are_found_at_the_first_look(
    make_searcher: MakeSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher, _ = make_searcher(random_documents(3, documents=40))
    looks = _watch(monkeypatch)
    searcher.search([QUESTION] * 3, SearchOptions())
    assert len(looks) == 1


def _watch(monkeypatch: pytest.MonkeyPatch) -> list[Effort]:
    """Return a list to which each look for spans adds what it looks at."""
    looks: list[Effort] = []
    spans = Searcher.spans

    def watched(self: Searcher, texts: Any, vectors: Any, plan: SearchPlan, wanted: int) -> Any:
        looks.append(plan.effort)
        return spans(self, texts, vectors, plan, wanted)

    monkeypatch.setattr(Searcher, "spans", watched)
    return looks
