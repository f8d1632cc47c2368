"""The search against the plain searcher of tests/oracle.py."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest

from densephrase.data import Answer, Document, ScoreParts
from densephrase.search.plan.options import SearchOptions
from tests.oracle import Hit, oracle_answers
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

TOLERANCE = 1e-4
EVERYTHING = 10**6
QUESTIONS = ("Who wrote Hamlet?", "Which city lies at the river Seine in Paris?", "", "zzz unknown", "1905 " * 200)


def check(answers: list[Answer], expected: list[list[Hit]], tolerance: float = TOLERANCE) -> None:
    """Compare texts, places, order, scores and their parts."""
    found = [[(int(e.document.id[1:]), e.start, e.end, e.text) for e in answer.evidence] for answer in answers]
    assert found == [[(hit.document, hit.start, hit.end, hit.text) for hit in group] for group in expected]
    for answer, group in zip(answers, expected, strict=True):
        for evidence, hit in zip(answer.evidence, group, strict=True):
            assert evidence.score == pytest.approx(hit.score, abs=tolerance)
            assert astuple(evidence.parts) == pytest.approx(hit.parts, abs=tolerance)
            assert evidence.score == evidence.parts.total


def settings(**changes: Any) -> dict[str, Any]:
    """Return what both searchers are told."""
    return {"top_k": 10, "max_answer_tokens": 4, "paragraph_weight": 0.5, "document_weight": 0.25, **changes}


SPARC = pytest.mark.parametrize("sparc_size", [0, 8], ids=["dense", "sparc"])


@SPARC
@pytest.mark.parametrize("seed", range(8))
def test_exhaustive_hybrid_equals_the_oracle(seed: int, sparc_size: int, make_searcher: MakeSearcher) -> None:
    encoder = FakeEncoder(seed=seed, sparc_size=sparc_size)
    searcher, reader = make_searcher(random_documents(seed, documents=1 + seed * 2), encoder)
    options = SearchOptions(exhaustive=True, evidence_spans=EVERYTHING, **settings())
    for question, answers in zip(QUESTIONS, searcher.search(QUESTIONS, options), strict=True):
        check(answers, oracle_answers(reader, encoder, question, **settings()))


@pytest.mark.parametrize(
    "changes",
    [
        {"paragraph_weight": 0.0, "document_weight": 0.0},
        {"paragraph_weight": 3.0},
        {"document_weight": 0.0},
        {"max_answer_tokens": 1},
        {"max_answer_tokens": 100},
        {"top_k": 1},
        {"top_k": 1000},
        {"sparc": False},
    ],
    ids=str,
)
def test_options_mean_the_same_to_the_oracle(changes: dict[str, Any], make_searcher: MakeSearcher) -> None:
    encoder = FakeEncoder(seed=3, sparc_size=8)
    searcher, reader = make_searcher(random_documents(11, documents=12), encoder)
    options = SearchOptions(exhaustive=True, evidence_spans=EVERYTHING, **settings(**changes))
    [answers] = searcher.search(QUESTIONS[:1], options)
    check(answers, oracle_answers(reader, encoder, QUESTIONS[0], **settings(**changes)))


@pytest.mark.parametrize(
    "encoder",
    [
        FakeEncoder(largest=0),
        FakeEncoder(largest=1, vector_size=2, coherency_rank=1),
        FakeEncoder(coherency_rank=0),
        FakeEncoder(vector_size=768, coherency_rank=32),
        FakeEncoder(kept_starts=0.1, kept_ends=0.1),
        FakeEncoder(kept_starts=1.0, kept_ends=1.0),
        FakeEncoder(sparc_size=8, largest=0, sparc_rank=8),
        FakeEncoder(sparc_size=8, kept_starts=0.1, kept_ends=0.1, vocabulary=5),
        FakeEncoder(sparc_size=8, vocabulary=200_000),
    ],
    ids=[
        *("equal scores", "many ties", "no coherency", "wide rows", "few rows", "all rows"),
        *("sparse scores alone", "n-grams that come often", "wide word pieces"),
    ],
)
def test_kinds_of_rows(encoder: FakeEncoder, make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(5, documents=8), encoder)
    options = SearchOptions(exhaustive=True, evidence_spans=EVERYTHING, **settings())
    for question in QUESTIONS:
        [answers] = searcher.search([question], options)
        check(answers, oracle_answers(reader, encoder, question, **settings()))


def test_phrases_of_other_borders_than_their_spans(make_searcher: MakeSearcher) -> None:
    text = 'Who (or what) is `Paris`, "the Seine" or Malmo\u0308? **Nils Aas** (Malmo\u0308) f(x) [Paris](paris.md).'
    encoder = FakeEncoder(kept_starts=1.0, kept_ends=1.0, sparc_size=8)
    searcher, reader = make_searcher([Document("d0", text, ""), Document("d1", text[::-1], "")], encoder)
    options = SearchOptions(exhaustive=True, evidence_spans=EVERYTHING, **settings(top_k=100))
    for question, answers in zip(QUESTIONS, searcher.search(QUESTIONS, options), strict=True):
        check(answers, oracle_answers(reader, encoder, question, **settings(top_k=100)))


@pytest.mark.parametrize("strategy", ["hybrid", "dense-first"])
def test_enough_dense_candidates_are_exhaustive(strategy: Any, make_searcher: MakeSearcher) -> None:
    encoder = FakeEncoder()
    searcher, reader = make_searcher(random_documents(2, documents=9), encoder)
    options = SearchOptions(strategy, dense_candidates=EVERYTHING, evidence_spans=EVERYTHING, **settings())
    [answers] = searcher.search(QUESTIONS[:1], options)
    check(answers, oracle_answers(reader, encoder, QUESTIONS[0], **settings()))


@SPARC
@pytest.mark.parametrize("options", [{"shard_characters": 60}, {"flat_limit": 0, "lists": 4}], ids=["shards", "lists"])
def test_layouts_of_the_index_make_no_difference(
    options: dict[str, Any], sparc_size: int, make_searcher: MakeSearcher
) -> None:
    encoder = FakeEncoder(sparc_size=sparc_size)
    documents = random_documents(4, documents=40)
    searcher, reader = make_searcher(documents, encoder, **options)
    assert len(reader.shards) > 1 or reader.lists is not None
    asked = SearchOptions(dense_candidates=EVERYTHING, evidence_spans=EVERYTHING, **settings())
    check(searcher.search(QUESTIONS[:1], asked)[0], oracle_answers(reader, encoder, QUESTIONS[0], **settings()))
    plain, _ = make_searcher(documents, encoder)
    few = SearchOptions(dense_candidates=7, paragraph_candidates=2, probes=1000, top_k=20)
    assert searcher.search(QUESTIONS, few) == plain.search(QUESTIONS, few)


def test_parts_are_the_parts_of_the_best_member(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(1))
    [answers] = searcher.search(["Hamlet play"], SearchOptions(exhaustive=True))
    assert all(answer.parts == answer.evidence[0].parts for answer in answers)
    assert all(isinstance(answer.parts, ScoreParts) for answer in answers)
    assert [answer.score for answer in answers] == sorted((answer.score for answer in answers), reverse=True)
