"""Options of a search of passages: what is accepted and how refusals read."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import numpy as np
import pytest

from densephrase.errors import SearchError
from densephrase.retrieve.options import PassageKeywords, PassageOptions


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("strategy", "sparse-first", "one of 'auto', 'bm25', 'dense', 'hybrid'"),
        ("fusion", None, "one of 'auto', 'weighted', 'reciprocal-rank'"),
        ("top_k", 0, "a whole number of at least 1"),
        ("top_k", True, "a whole number of at least 1"),
        ("top_k", 1.0, "a whole number of at least 1"),
        ("candidates", -1, "a whole number of at least 1"),
        ("probes", "8", "a whole number of at least 1"),
        ("term_weight", -0.1, "a finite number of at least 0, or None for the encoder's weight"),
        ("term_weight", float("nan"), "a finite number of at least 0, or None for the encoder's weight"),
        ("explain", "yes", "True or False"),
    ],
)
def test_refusals_name_field_found_and_expected(name: str, value: Any, expected: str) -> None:
    with pytest.raises(SearchError) as caught:
        PassageOptions(**{name: value})
    assert str(caught.value) == f"Passage search option {name} is {value!r}; expected {expected}."


def test_ranks_have_no_weight() -> None:
    with pytest.raises(SearchError, match=r"term_weight is 2.0, but the fusion 'reciprocal-rank' has no weights"):
        PassageOptions(fusion="reciprocal-rank", term_weight=2.0)


def test_unknown_options_are_named() -> None:
    with pytest.raises(SearchError, match="no option 'k' of a passage search; there are strategy, top_k"):
        PassageOptions.of(k=3)


def test_keywords_are_the_options_but_top_k() -> None:
    hints = get_type_hints(PassageOptions)
    assert get_type_hints(PassageKeywords) == {
        field.name: hints[field.name] for field in fields(PassageOptions) if field.name != "top_k"
    }


def test_any_count_may_be_larger_than_what_there_is() -> None:
    assert PassageOptions(top_k=np.int64(3)).top_k == 3
    assert PassageOptions(top_k=10**30).top_k == 2**40


@pytest.mark.parametrize(("top_k", "candidates", "expected"), [(10, None, 100), (500, None, 500), (500, 20, 20)])
def test_candidates_follow_what_is_asked_for(top_k: int, candidates: int | None, expected: int) -> None:
    assert PassageOptions(top_k=top_k, candidates=candidates).proposed == expected
