"""Candidates of each strategy against numpy over the stored rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.common.plain_terms import score_terms
from densephrase.index.index_reader import IndexReader
from densephrase.search.find.candidates import RESCORED
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import DEFAULTS, StrategyEffort
from densephrase.search.prepare.fixed_point import to_fixed_point
from densephrase.search.searcher import Searcher
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

ENCODER = FakeEncoder(kept_ends=1.0)  # so that every start has an end, and every candidate is seen among the spans
QUESTION = "Which city lies at the river Seine?"
VECTOR = ENCODER.encode_questions([QUESTION]).start[0]


def candidates(searcher: Searcher, reader: IndexReader, options: SearchOptions, text: str = QUESTION) -> list[int]:
    """Return the starts that a search looks at, ascending."""
    [spans] = searcher.spans([text], ENCODER.encode_questions([text]), searcher.plan(options), 10**6)
    assert len(spans) == spans.candidates
    return sorted(spans.start_row.tolist())


def start_scores(reader: IndexReader, vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the product of every stored start vector with the question."""
    codes = np.concatenate([shard.start_codes for shard in reader.shards])
    return ENCODER.start_quantiser.decode(codes)[:, : vector.size].astype(np.float64) @ vector.astype(np.float64)


def best_paragraphs(
    reader: IndexReader, count: int, paragraph_weight: float, document_weight: float
) -> NDArray[np.int64]:
    """Return the paragraphs with the best term scores among those that hold a term, best first."""
    scores = score_terms(reader.terms, reader.terms.analyser.terms(QUESTION))
    document = scores.document[reader.terms.paragraph_document]
    total = np.float32(paragraph_weight) * scores.paragraph + np.float32(document_weight) * document
    order = np.argsort(-total, kind="stable")
    return order[scores.paragraph[order] > 0][:count]


def starts_of(reader: IndexReader, paragraphs: NDArray[np.int64]) -> list[int]:
    """Return the global start rows of global paragraphs, ascending."""
    owner = np.concatenate(
        [
            np.repeat(np.arange(shard.counts.paragraphs), np.diff(shard.paragraph_start_ptr)) + base
            for shard, base in zip(reader.shards, reader.bases.paragraphs, strict=False)
        ]
    )
    return np.flatnonzero(np.isin(owner, paragraphs)).tolist()


@pytest.mark.parametrize("options", [{}, {"shard_characters": 80}], ids=["one shard", "shards"])
@pytest.mark.parametrize("wanted", [1, 10, 50])
def test_dense_first_takes_the_largest_products(
    wanted: int, options: dict[str, Any], make_searcher: MakeSearcher
) -> None:
    searcher, reader = make_searcher(random_documents(1, documents=30), ENCODER, **options)
    scores = start_scores(reader, VECTOR)
    found = candidates(searcher, reader, SearchOptions("dense-first", dense_candidates=wanted))
    assert len(found) == len(set(found)) == wanted
    assert np.sort(scores[found]) == pytest.approx(np.sort(scores)[-wanted:], abs=1e-3)


def test_dense_first_of_more_starts_than_there_are(make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(1), ENCODER)
    total = int(reader.bases.starts[-1])
    for wanted in (total, total + 1, 10**9):
        options = SearchOptions("dense-first", dense_candidates=wanted)
        assert candidates(searcher, reader, options) == list(range(total))


def test_lists_of_the_first_dimensions_propose_what_is_ranked_by_all(make_searcher: MakeSearcher) -> None:
    options = {"flat_limit": 0, "lists": 8, "list_dimensions": 3, "shard_characters": 400}
    searcher, reader = make_searcher(random_documents(1, documents=60), ENCODER, **options)
    lists, weights = reader.lists, to_fixed_point(VECTOR[None], ENCODER.start_quantiser).weights[0, 0]
    assert lists is not None
    assert lists.codes.shape[1] == 3
    assert len(reader.shards) > 1
    first = lists.codes.astype(np.int64) @ weights[:3]
    likely = lists.ids[np.lexsort((lists.ids, -first))[: RESCORED * 20]]
    scores = np.concatenate([shard.start_codes for shard in reader.shards])[:, :12].astype(np.int64) @ weights
    expected = likely[np.lexsort((likely, -scores[likely]))[:20]]
    found = candidates(searcher, reader, SearchOptions("dense-first", dense_candidates=20, probes=8))
    assert found == sorted(expected.tolist())


@pytest.mark.parametrize("probes", [1, 3, 100])
def test_dense_first_looks_into_the_best_lists_only(probes: int, make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(1, documents=40), ENCODER, flat_limit=0, lists=8)
    lists = reader.lists
    assert lists is not None
    best = np.argsort(-(lists.tree.centroids(ENCODER.start_quantiser) @ VECTOR), kind="stable")[:probes]
    members = np.concatenate([lists.ids[lists.list_ptr[one] : lists.list_ptr[one + 1]] for one in best])
    scores = start_scores(reader, VECTOR)
    found = candidates(searcher, reader, SearchOptions("dense-first", dense_candidates=20, probes=probes))
    assert set(found) <= set(members.tolist())
    assert np.sort(scores[found]) == pytest.approx(np.sort(scores[members])[-20:], abs=1e-3)


@pytest.mark.parametrize("options", [{}, {"shard_characters": 80}], ids=["one shard", "shards"])
@pytest.mark.parametrize("wanted", [1, 3, 10**6])
def test_sparse_first_takes_all_starts_of_the_best_paragraphs(
    wanted: int, options: dict[str, Any], make_searcher: MakeSearcher
) -> None:
    searcher, reader = make_searcher(random_documents(2, documents=30), ENCODER, **options)
    asked = SearchOptions("sparse-first", paragraph_candidates=wanted, paragraph_weight=0.5, document_weight=0.25)
    assert candidates(searcher, reader, asked) == starts_of(reader, best_paragraphs(reader, wanted, 0.5, 0.25))


def test_sparse_first_without_weights_chooses_by_the_paragraphs_own_terms(make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(2, documents=30), ENCODER)
    asked = SearchOptions("sparse-first", paragraph_candidates=2, paragraph_weight=0, document_weight=0)
    assert candidates(searcher, reader, asked) == starts_of(reader, best_paragraphs(reader, 2, 1.0, 0.0))


def test_sparse_first_with_the_weight_of_documents_alone(make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(2, documents=30), ENCODER)
    asked = SearchOptions("sparse-first", paragraph_candidates=5, paragraph_weight=0, document_weight=1)
    assert candidates(searcher, reader, asked) == starts_of(reader, best_paragraphs(reader, 5, 0.0, 1.0))


@pytest.mark.parametrize("text", ["", "zzzz qqqq", "the of a"], ids=["empty", "unknown", "stop words"])
@pytest.mark.parametrize("exhaustive", [False, True])
def test_sparse_first_of_a_question_without_terms_finds_nothing(
    exhaustive: bool, text: str, make_searcher: MakeSearcher
) -> None:
    searcher, reader = make_searcher(random_documents(2), ENCODER)
    assert candidates(searcher, reader, SearchOptions("sparse-first", exhaustive=exhaustive), text) == []


@pytest.mark.parametrize("options", [{}, {"shard_characters": 80}], ids=["one shard", "shards"])
def test_hybrid_is_the_union(options: dict[str, Any], make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(6, documents=30), ENCODER, **options)
    sides = {
        strategy: candidates(searcher, reader, SearchOptions(strategy, dense_candidates=15, paragraph_candidates=4))
        for strategy in ("dense-first", "sparse-first", "hybrid")
    }
    assert sides["hybrid"] == sorted({*sides["dense-first"], *sides["sparse-first"]})
    assert set(sides["dense-first"]) - set(sides["sparse-first"])
    assert set(sides["sparse-first"]) - set(sides["dense-first"])


@pytest.mark.parametrize("layout", [{}, {"shard_characters": 200}], ids=["one shard", "shards"])
@pytest.mark.parametrize("most", [10, 20, 10**6])
def test_of_many_candidates_those_with_the_best_starts_and_terms_get_ends(
    most: int, layout: dict[str, Any], make_searcher: MakeSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher, reader = make_searcher(random_documents(6, documents=30), ENCODER, **layout)
    vectors = ENCODER.encode_questions([QUESTION])
    [everything] = searcher.spans([QUESTION], vectors, searcher.plan(SearchOptions(exhaustive=True)), 10**6)
    monkeypatch.setitem(DEFAULTS, "hybrid", StrategyEffort(starts=10**6, probed=1.0, paragraphs=1, most_starts=most))
    few = searcher.plan(SearchOptions(top_k=1, evidence_spans=1))
    [likely] = searcher.spans([QUESTION], vectors, few, 10**6)
    known = everything.part("dense_start") + everything.part("paragraph_terms") + everything.part("document_terms")
    order = np.lexsort((everything.start_row, -known))[:most]
    assert set(likely.start_row.tolist()) == set(everything.start_row[order].tolist())
    kept = np.isin(everything.start_row, likely.start_row)
    np.testing.assert_array_equal(likely.parts, everything.parts[kept])
    np.testing.assert_array_equal(likely.end_row, everything.end_row[kept])
