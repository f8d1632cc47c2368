"""The parts of a score are declared once; whoever adds them up does so in their order."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import numpy as np
import pytest

from densephrase.confidence.model import FEATURES
from densephrase.data import SCORE_PARTS, ScoreParts
from densephrase.evaluation.spans import ParagraphSpans
from densephrase.kernels import best_spans
from densephrase.search.find.spans import Spans, new_span_table, question_spans
from densephrase.search.plan.options import SearchOptions
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

NEEDS_AN_INDEX = {"paragraph_terms", "document_terms"}


def test_kernels_know_the_parts_by_the_same_names() -> None:
    assert tuple(part.name for part in fields(ScoreParts)) == SCORE_PARTS
    assert [getattr(best_spans, name.upper()) for name in SCORE_PARTS] == list(range(best_spans.PARTS))


def test_confidence_and_closed_evaluation_know_every_part() -> None:
    assert FEATURES[-len(SCORE_PARTS) :] == SCORE_PARTS
    assert set(SCORE_PARTS) - set(get_type_hints(ParagraphSpans)) == NEEDS_AN_INDEX


def spans_of(parts: Any) -> Spans:
    """Return spans with these parts [K, P] of their scores and nothing else."""
    table = new_span_table(1, len(parts))
    table.found[0], table.parts[0] = len(parts), parts
    return question_spans(table, 0)


@pytest.mark.parametrize("values", [[1e16, 1.0, -1e16, 0.1, 0.2, 0.3, 0.7], [0.1] * 7, [-0.0] * 7], ids=str)
def test_sums_are_those_of_adding_one_part_after_the_other(values: list[float]) -> None:
    expected = values[0]
    for value in values[1:]:
        expected += value
    assert ScoreParts(*values).total.hex() == expected.hex()
    assert float(spans_of([values]).score[0]).hex() == expected.hex()


def test_searches_rank_by_the_sum_to_the_last_bit(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3, documents=20), FakeEncoder(sparc_size=8))
    plan, vectors = searcher.plan(SearchOptions(exhaustive=True)), searcher.steps.encode(["Paris river?"])
    [spans] = searcher.spans(["Paris river?"], vectors, plan, 10**6)
    totals = [spans.score_parts(row).total for row in range(len(spans))]
    assert totals == spans.score.tolist() == sorted(totals, reverse=True)
    for number, name in enumerate(SCORE_PARTS):
        np.testing.assert_array_equal(spans.part(name), spans.parts[:, number])
