"""Passages of several processes: gradients of the whole batch, and of the ways that do not come to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch.nn.functional import cosine_similarity

from densephrase.training.contrastive.gather import gather_with_gradient, own_columns
from tests.training.contrastive.whole_batch import flat, whole_gradients

TOWERS = pytest.mark.parametrize("shared", [False, True], ids=["two towers", "one tower"])


@TOWERS
@pytest.mark.parametrize(("way", "factor"), [("A", 0.5), ("B", 1.0), ("C", 1.0)])
def test_three_ways_have_the_gradient_of_the_whole_batch(
    pair: Sequence[dict[str, Any]], way: str, factor: float, shared: bool
) -> None:
    """A: everything against everything, others constant; B: A times the processes; C: own questions, with gradient."""
    expected = whole_gradients(shared)
    for process in pair:
        found = flat(process["four ways"][shared][way])
        assert found.shape == expected.shape
        assert float((found - factor * expected).abs().max()) < 1e-12
        assert float(cosine_similarity(found, expected, dim=0)) == pytest.approx(1, abs=1e-12)


@TOWERS
def test_own_questions_against_constant_passages_of_others_have_another_gradient(
    pair: Sequence[dict[str, Any]], shared: bool
) -> None:
    found, expected = flat(pair[0]["four ways"][shared]["D"]), whole_gradients(shared)
    assert float(cosine_similarity(found, expected, dim=0)) < 0.98


@TOWERS
def test_processes_have_the_same_bits(pair: Sequence[dict[str, Any]], shared: bool) -> None:
    first, second = (process["four ways"][shared] for process in pair)
    assert first == second


def test_only_a_tower_that_nothing_uses_has_no_gradient(pair: Sequence[dict[str, Any]]) -> None:
    for shared in (False, True):
        missing = {name for name, value in pair[1]["four ways"][shared]["C"].items() if value is None}
        assert missing == ({f"question.{n}.{part}" for n in (0, 2) for part in ("weight", "bias")} if shared else set())


def test_labels_follow_after_gathering(pair: Sequence[dict[str, Any]]) -> None:
    for process in pair:
        found = process["labels"]
        assert [found["gathered"][column] for column in found["positives"]] == found["own"]
        assert found["gathered"] == [*range(4), *range(100, 104), *range(10, 14), *range(110, 114)]


def test_batches_of_different_shapes_are_refused_by_all(pair: Sequence[dict[str, Any]]) -> None:
    for process in pair:
        assert "different shapes to gather (3 x 2, 4 x 2, by rank)" in process["refusals"][0]


def test_a_single_process_has_its_own_rows() -> None:
    rows = torch.randn(3, 2)
    assert gather_with_gradient(rows) is rows
    assert own_columns(2, 3, torch.device("cpu")).tolist() == [0, 1]
