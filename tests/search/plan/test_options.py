"""Search options: what is accepted and how refusals read."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import numpy as np
import pytest

from densephrase.errors import SearchError
from densephrase.search.plan.options import SearchKeywords, SearchOptions


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("strategy", "fuzzy", "one of 'hybrid', 'dense-first', 'sparse-first'"),
        ("unit", "word", "one of 'phrase', 'sentence', 'paragraph', 'document'"),
        ("top_k", 0, "a whole number of at least 1"),
        ("top_k", 2.0, "a whole number of at least 1"),
        ("top_k", True, "a whole number of at least 1"),
        ("top_k", None, "a whole number of at least 1"),
        ("dense_candidates", -1, "a whole number of at least 1"),
        ("paragraph_candidates", 0, "a whole number of at least 1"),
        ("probes", "64", "a whole number of at least 1"),
        ("evidence_spans", 0, "a whole number of at least 1"),
        ("max_answer_tokens", 0, "a whole number of at least 1"),
        ("paragraph_weight", -0.5, "a finite number of at least 0, or None for the encoder's weight"),
        ("document_weight", float("nan"), "a finite number of at least 0, or None for the encoder's weight"),
        ("document_weight", float("inf"), "a finite number of at least 0, or None for the encoder's weight"),
        pytest.param(
            "document_weight", 10**400, "a finite number of at least 0, or None for the encoder's weight", id="huge"
        ),
        ("exhaustive", 1, "True or False"),
        ("sparc", None, "True or False"),
        ("explain", "yes", "True or False"),
        ("exclude_documents", "d1", "a list or tuple of document ids"),
        ("exclude_documents", ("d1", 2), "a list or tuple of document ids"),
        ("exclude_documents", None, "a list or tuple of document ids"),
        ("min_confidence", -0.1, "a probability from 0 to 1, or None"),
        ("min_confidence", 1.5, "a probability from 0 to 1, or None"),
        ("min_confidence", float("nan"), "a probability from 0 to 1, or None"),
        ("min_confidence", "0.5", "a probability from 0 to 1, or None"),
        ("min_confidence", True, "a probability from 0 to 1, or None"),
    ],
)
def test_refusals_name_field_found_and_expected(name: str, value: Any, expected: str) -> None:
    with pytest.raises(SearchError) as caught:
        SearchOptions(**{name: value})
    assert str(caught.value) == f"Search option {name} is {value!r}; expected {expected}."


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strategy": "dense-first", "unit": "document", "top_k": 1},
        {"top_k": np.int64(3), "paragraph_weight": np.float32(0.5), "document_weight": 0},
        {"max_answer_tokens": 1, "paragraph_weight": 0.0, "exhaustive": True},
        {"exclude_documents": ["d1", "d2"], "min_confidence": 0},
        {"exclude_documents": ("d1",), "min_confidence": np.float32(0.5)},
    ],
    ids=str,
)
def test_sensible_options_are_taken_as_they_are(options: dict[str, Any]) -> None:
    made = SearchOptions(**options)
    assert all(getattr(made, name) == value for name, value in options.items())


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError, match="nprobe"):
        SearchOptions(nprobe=4)  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["top_k", "evidence_spans", "dense_candidates", "probes", "max_answer_tokens"])
@pytest.mark.parametrize("value", [2**31, 2**63, 10**400, np.int8(100)], ids=["2^31", "2^63", "10^400", "int8"])
def test_counts_are_plain_numbers_that_can_be_multiplied(name: str, value: Any) -> None:
    count = getattr(SearchOptions(**{name: value}), name)
    assert type(count) is int
    assert count == min(int(value), 2**40)


def test_keywords_are_the_fields_that_have_no_parameter() -> None:
    parameters = ["strategy", "unit", "top_k"]
    annotations = {field.name: field.type for field in fields(SearchOptions)}
    assert [*annotations] == [*parameters, *SearchKeywords.__annotations__]
    hints = get_type_hints(SearchKeywords)
    assert {**hints} == {name: hint for name, hint in get_type_hints(SearchOptions).items() if name not in parameters}


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SearchError, match="no search option 'topk'; there are strategy, unit, top_k, dense_candidates"):
        SearchOptions.of(topk=3)
