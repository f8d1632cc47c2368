"""A compact index answers as the plain searcher does over what its bytes stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from densephrase.data import Answer
from densephrase.errors import SearchError
from densephrase.index.verify import verify
from densephrase.search.plan.options import SearchOptions
from tests.oracle import Hit, oracle_answers
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder
from tests.search.test_searcher_oracle import EVERYTHING, QUESTIONS, check, settings

TOLERANCE = 2e-3  # coherency is added up in 16 bits


def check_but_for_ties(answers: list[Answer], expected: list[list[Hit]]) -> None:
    """Compare answers with the best ones and the next; those that score alike may stand in another order."""
    scores = [group[0].score for group in expected]
    assert [answer.score for answer in answers] == pytest.approx(scores[: len(answers)], abs=TOLERANCE)
    for place, answer in enumerate(answers):
        others = scores[:place] + scores[place + 1 :]
        if all(abs(scores[place] - other) > 2 * TOLERANCE for other in others):
            check([answer], [expected[place]], TOLERANCE)


SPARC = pytest.mark.parametrize("sparc_size", [0, 8], ids=["dense", "sparc"])


@SPARC
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("layout", [{}, {"shard_characters": 300, "flat_limit": 10, "lists": 4}], ids=["one", "lists"])
def test_a_compact_index_equals_the_oracle(
    layout: dict[str, Any], seed: int, sparc_size: int, make_searcher: MakeSearcher
) -> None:
    encoder = FakeEncoder(seed=seed, sparc_size=sparc_size)
    documents = random_documents(seed, documents=14)
    searcher, reader = make_searcher(documents, encoder, profile="compact", **layout)
    assert [reader.document(row).text for row in range(14)] == [document.text for document in documents]
    options = SearchOptions(exhaustive=True, evidence_spans=EVERYTHING, **settings())
    for question, answers in zip(QUESTIONS, searcher.search(QUESTIONS, options), strict=True):
        check_but_for_ties(answers, oracle_answers(reader, encoder, question, **settings(top_k=11)))
    few = SearchOptions("dense-first", dense_candidates=EVERYTHING - 1, probes=1000, **settings())
    assert searcher.search(QUESTIONS[:2], few)


@SPARC
@pytest.mark.parametrize("strategy", ["hybrid", "dense-first", "sparse-first"])
def test_lists_and_batches(strategy: Any, sparc_size: int, make_searcher: MakeSearcher) -> None:
    encoder, documents = FakeEncoder(sparc_size=sparc_size), random_documents(4, documents=40)
    flat, _ = make_searcher(documents, encoder, profile="compact")
    lists, reader = make_searcher(documents, encoder, profile="compact", flat_limit=0, lists=4)
    assert reader.lists is not None
    assert len(reader.lists.tree.group_codes) > 1
    options = SearchOptions(strategy, dense_candidates=7, paragraph_candidates=2, top_k=20, explain=True)
    questions = [*QUESTIONS, "Seine"]
    together = flat.search(questions, options)
    assert together == [flat.search([question], options)[0] for question in questions]
    # Bytes of a row depend on its list, so scores are alike only.
    for one, other in zip(together[:2], lists.search(questions[:2], options), strict=True):
        assert one
        assert other[0].evidence[0].parts.total == pytest.approx(one[0].evidence[0].parts.total, rel=0.5)


def test_document_weights_need_the_terms_of_documents(make_searcher: MakeSearcher) -> None:
    encoder = FakeEncoder()
    encoder.config = replace(encoder.config, document_weight=0.0)
    searcher, reader = make_searcher(random_documents(1), encoder, profile="compact")
    assert not verify(reader.path)
    assert searcher.search(QUESTIONS, SearchOptions())
    with pytest.raises(SearchError, match="document weight"):
        searcher.search(QUESTIONS, SearchOptions(document_weight=0.5))
