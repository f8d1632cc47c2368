"""A search step by step: its candidates against numpy, its spans against the plain searcher, its answers as ever."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from densephrase.errors import SearchError
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import Strategy
from densephrase.search.trace import chosen_rows, trace_search
from tests.oracle import oracle_answers
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder
from tests.search.find.test_candidates import QUESTION, VECTOR, best_paragraphs, start_scores
from tests.search.test_searcher_oracle import EVERYTHING, QUESTIONS, check, settings

STEPS = ["encode", "prepare", "starts", "paragraphs", "score", "answer"]
SPARC = FakeEncoder(sparc_size=8)


@pytest.mark.parametrize("strategy", get_args(Strategy))
@pytest.mark.parametrize("layout", [{}, {"flat_limit": 0, "lists": 4}], ids=["flat", "lists"])
def test_answers_are_those_of_a_search(strategy: Strategy, layout: dict[str, Any], make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3, documents=20), SPARC, **layout)
    options = SearchOptions(strategy, top_k=30)
    trace = trace_search(searcher, QUESTIONS, options)
    assert trace.answers == searcher.search(QUESTIONS, options)
    assert list(trace.seconds) == STEPS
    assert min(trace.seconds.values()) > 0
    assert len(trace.starts) == len(trace.paragraphs) == len(trace.spans) == len(QUESTIONS)


def test_every_step_of_an_exhaustive_search_is_the_oracles(make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(4, documents=9), SPARC)
    options = SearchOptions(exhaustive=True, evidence_spans=EVERYTHING, **settings())
    trace = trace_search(searcher, QUESTIONS, options)
    for row, question in enumerate(QUESTIONS):
        expected = oracle_answers(reader, SPARC, question, **settings())
        check(trace.answers[row], expected)
        assert trace.starts[row].tolist() == list(range(reader.bases.starts[-1]))
        assert trace.paragraphs[row].tolist() == []
        assert trace.spans[row].score[0] == pytest.approx(expected[0][0].score, abs=1e-4)


def test_candidates_are_those_with_the_best_products_and_terms(make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(6, documents=30), FakeEncoder(kept_ends=1.0))
    options = SearchOptions(dense_candidates=15, paragraph_candidates=4, paragraph_weight=0.5, document_weight=0.25)
    trace = trace_search(searcher, [QUESTION], options)
    scores = start_scores(reader, VECTOR)
    assert np.sort(scores[trace.starts[0]]) == pytest.approx(np.sort(scores)[-15:], abs=1e-3)
    assert (np.diff(trace.starts[0]) > 0).all()
    assert trace.paragraphs[0].tolist() == best_paragraphs(reader, 4, 0.5, 0.25).tolist()
    inside = np.isin(trace.spans[0].start_row, trace.starts[0]) | np.isin(trace.spans[0].paragraph, trace.paragraphs[0])
    assert inside.all()


def test_a_step_can_be_taken_otherwise(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(6, documents=30))
    steps = searcher.steps
    plan, vectors = searcher.plan(SearchOptions("dense-first", dense_candidates=5)), steps.encode([QUESTION])
    batch = steps.prepare([QUESTION], vectors, plan)
    [few] = chosen_rows(steps.starts(batch, vectors, plan))
    more = replace(plan, effort=replace(plan.effort, starts=50))
    [many] = chosen_rows(steps.starts(batch, vectors, more))
    assert (len(few), len(many)) == (5, 50)
    assert set(few.tolist()) <= set(many.tolist())


def test_refusals_are_those_of_a_search(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3))
    with pytest.raises(SearchError, match="no document 'nowhere'"):
        trace_search(searcher, [QUESTION], SearchOptions(exclude_documents=("nowhere",)))
    with pytest.raises(SearchError, match="min_confidence needs"):
        trace_search(searcher, [QUESTION], SearchOptions(min_confidence=0.5))
