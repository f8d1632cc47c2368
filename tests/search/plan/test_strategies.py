"""Every strategy that can be asked for has its numbers, in indexes of both profiles."""

from __future__ import annotations

from typing import get_args

import pytest

from densephrase.errors import SearchError
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import COMPACT, DEFAULTS, Strategy, StrategyEffort


@pytest.mark.parametrize("table", [DEFAULTS, COMPACT], ids=["default", "compact"])
def test_every_name_has_a_row(table: dict[Strategy, StrategyEffort]) -> None:
    assert tuple(table) == get_args(Strategy)
    assert all(row.starts or row.paragraphs for row in table.values())


@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_every_name_can_be_asked_for(strategy: Strategy) -> None:
    assert SearchOptions(strategy=strategy).strategy == strategy


def test_refusals_list_every_name() -> None:
    with pytest.raises(SearchError) as caught:
        SearchOptions(strategy="fuzzy")  # type: ignore[arg-type]
    assert str(caught.value).endswith("expected one of " + ", ".join(map(repr, get_args(Strategy))) + ".")
