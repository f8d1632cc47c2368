"""Candidates of each strategy against numpy over the stored rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.index.index_reader import IndexReader
from densephrase.search.candidates import RESCORED, candidate_starts, dense_first, probed_ranges, sparse_first
from densephrase.search.exclusion import Exclusion
from densephrase.search.fixed_point import FixedPointVector
from densephrase.search.options import SearchOptions
from densephrase.search.question import PreparedQuestion, Scoring
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

ENCODER = FakeEncoder()
QUESTION = "Which city lies at the river Seine?"


def prepare(reader: IndexReader, text: str = QUESTION) -> PreparedQuestion:
    """Return a question as the searcher prepares it."""
    vectors = ENCODER.encode_questions([text])
    return PreparedQuestion(
        vectors.start[0],
        FixedPointVector.fold(vectors.start[0], ENCODER.start_quantiser),
        FixedPointVector.fold(vectors.end[0], ENCODER.end_quantiser),
        reader.terms.score(reader.terms.analyser.terms(text)),
    )


def start_scores(reader: IndexReader, vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the product of every stored start vector with the question."""
    codes = np.concatenate([shard.start_codes for shard in reader.shards])
    return ENCODER.start_quantiser.decode(codes)[:, : vector.size].astype(np.float64) @ vector.astype(np.float64)


def everything(reader: IndexReader) -> Exclusion:
    """Return that no document is left out."""
    return Exclusion.of(reader, ())


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
    _, reader = make_searcher(random_documents(1, documents=30), ENCODER, **options)
    question = prepare(reader)
    scores = start_scores(reader, question.start_vector)
    found = dense_first(reader, question, SearchOptions(dense_candidates=wanted), everything(reader))
    assert found.size == wanted
    assert found.tolist() == sorted(set(found.tolist()))
    assert np.sort(scores[found]) == pytest.approx(np.sort(scores)[-wanted:], abs=1e-3)


def test_dense_first_of_more_starts_than_there_are(make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(1))
    total = int(reader.bases.starts[-1])
    for wanted in (total, total + 1, 10**9):
        found = dense_first(reader, prepare(reader), SearchOptions(dense_candidates=wanted), everything(reader))
        assert found.tolist() == list(range(total))


def test_lists_of_the_first_dimensions_propose_what_is_ranked_by_all(make_searcher: MakeSearcher) -> None:
    options = {"flat_limit": 0, "lists": 8, "list_dimensions": 3, "shard_characters": 400}
    _, reader = make_searcher(random_documents(1, documents=60), ENCODER, **options)
    lists, question = reader.lists, prepare(reader)
    assert lists is not None
    assert lists.codes.shape[1] == 3
    assert len(reader.shards) > 1
    first = lists.codes.astype(np.int64) @ question.start.weights[0, :3]
    likely = lists.ids[np.lexsort((lists.ids, -first))[: RESCORED * 20]]
    scores = np.concatenate([shard.start_codes for shard in reader.shards])[:, :12].astype(np.int64)
    scores = scores @ question.start.weights[0]
    expected = likely[np.lexsort((likely, -scores[likely]))[:20]]
    found = dense_first(reader, question, SearchOptions(dense_candidates=20, probes=8), everything(reader))
    assert found.tolist() == sorted(expected.tolist())


@pytest.mark.parametrize("probes", [1, 3, 100])
def test_dense_first_looks_into_the_best_lists_only(probes: int, make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(1, documents=40), ENCODER, flat_limit=0, lists=8)
    lists, question = reader.lists, prepare(reader)
    assert lists is not None
    best = np.argsort(-(lists.centroids @ question.start_vector), kind="stable")[:probes]
    members = np.concatenate([lists.ids[lists.list_ptr[one] : lists.list_ptr[one + 1]] for one in best])
    scores = start_scores(reader, question.start_vector)
    found = dense_first(reader, question, SearchOptions(dense_candidates=20, probes=probes), everything(reader))
    assert set(found.tolist()) <= set(members.tolist())
    assert np.sort(scores[found]) == pytest.approx(np.sort(scores[members])[-20:], abs=1e-3)
    assert len(probed_ranges(lists, question.start_vector, probes)) == min(probes, 8)


@pytest.mark.parametrize("options", [{}, {"shard_characters": 80}], ids=["one shard", "shards"])
@pytest.mark.parametrize("wanted", [1, 3, 10**6])
def test_sparse_first_takes_all_starts_of_the_best_paragraphs(
    wanted: int, options: dict[str, Any], make_searcher: MakeSearcher
) -> None:
    _, reader = make_searcher(random_documents(2, documents=30), ENCODER, **options)
    question, scoring = prepare(reader), Scoring(20, 0.5, 0.25)
    paragraphs = question.terms.top(min(wanted, int(reader.bases.paragraphs[-1])), 0.5, 0.25)
    found = sparse_first(reader, question, SearchOptions(paragraph_candidates=wanted), scoring)
    assert found.tolist() == starts_of(reader, paragraphs)


def test_sparse_first_without_weights_chooses_by_the_paragraphs_own_terms(make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(2, documents=30), ENCODER)
    question = prepare(reader)
    found = sparse_first(reader, question, SearchOptions(paragraph_candidates=2), Scoring(20, 0.0, 0.0))
    assert found.tolist() == starts_of(reader, question.terms.top(2, 1.0, 0.0))


@pytest.mark.parametrize("text", ["", "zzzz qqqq", "the of a"], ids=["empty", "unknown", "stop words"])
def test_sparse_first_of_a_question_without_terms_finds_nothing(text: str, make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(2), ENCODER)
    for exhaustive in (False, True):
        options = SearchOptions(exhaustive=exhaustive)
        assert sparse_first(reader, prepare(reader, text), options, Scoring(20, 1.0, 0.0)).size == 0


def test_hybrid_is_the_union(make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(6, documents=30), ENCODER)
    question, scoring = prepare(reader), Scoring(20, 0.5, 0.25)
    sides = {
        strategy: candidate_starts(
            reader,
            question,
            SearchOptions(strategy, dense_candidates=15, paragraph_candidates=4),
            scoring,
            everything(reader),
        ).tolist()
        for strategy in ("dense-first", "sparse-first", "hybrid")
    }
    assert sides["hybrid"] == sorted({*sides["dense-first"], *sides["sparse-first"]})
    assert set(sides["dense-first"]) - set(sides["sparse-first"])
    assert set(sides["sparse-first"]) - set(sides["dense-first"])
