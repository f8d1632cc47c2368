"""Documents left out of a search: against the plain searcher, and against numpy over the stored rows."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.data import Document
from densephrase.errors import SearchError
from densephrase.index.index_reader import IndexReader
from densephrase.search.plan.options import SearchOptions
from densephrase.search.plan.strategies import Strategy
from tests.oracle import oracle_answers
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder
from tests.search.find.test_candidates import ENCODER, VECTOR, candidates, start_scores
from tests.search.test_searcher_oracle import EVERYTHING, check, settings

QUESTION = "Which city lies at the river Seine in Paris?"
LAYOUTS = pytest.mark.parametrize(
    "layout",
    [{}, {"shard_characters": 60}, {"flat_limit": 0, "lists": 4}],
    ids=["one shard", "shards", "lists"],
)


def start_documents(reader: IndexReader) -> NDArray[np.int64]:
    """Return the global document row of each start row."""
    owners = []
    for number, shard in enumerate(reader.shards):
        of_paragraphs = np.repeat(np.arange(shard.counts.documents), np.diff(shard.document_paragraph_ptr))
        owners.append(np.repeat(of_paragraphs, np.diff(shard.paragraph_start_ptr)) + reader.bases.documents[number])
    return np.concatenate(owners)


@LAYOUTS
@pytest.mark.parametrize("strategy", ["hybrid", "dense-first"])
@pytest.mark.parametrize("left_out", [(), ("d3",), ("d8", "d0", "d3", "d4", "d3")], ids=["none", "one", "some"])
def test_exhaustive_search_equals_the_oracle_without_the_documents(
    left_out: tuple[str, ...], strategy: Any, layout: dict[str, Any], make_searcher: MakeSearcher
) -> None:
    encoder, everything = FakeEncoder(seed=5), settings(top_k=EVERYTHING)
    searcher, reader = make_searcher(random_documents(4, documents=9), encoder, **layout)
    options = SearchOptions(
        strategy, exhaustive=True, evidence_spans=EVERYTHING, exclude_documents=left_out, **everything
    )
    [answers] = searcher.search([QUESTION], options)
    kept = [
        [hit for hit in group if f"d{hit.document}" not in left_out]
        for group in oracle_answers(reader, encoder, QUESTION, **everything)
    ]
    check(answers, sorted(filter(None, kept), key=lambda group: group[0].order))


@LAYOUTS
@pytest.mark.parametrize("wanted", [1, 7, 40])
def test_dense_candidates_are_the_largest_products_of_the_rest(
    wanted: int, layout: dict[str, Any], make_searcher: MakeSearcher
) -> None:
    documents = random_documents(6, documents=40)
    searcher, reader = make_searcher(documents, ENCODER, **layout)
    left_out = [document.id for document in documents[::3]]
    options = SearchOptions("dense-first", dense_candidates=wanted, probes=1000, exclude_documents=left_out)
    found = candidates(searcher, reader, options)
    owner = start_documents(reader)
    assert len(found) == wanted
    assert not np.isin(owner[found], np.arange(0, 40, 3)).any()
    scores = start_scores(reader, VECTOR)
    rest = np.sort(scores[~np.isin(owner, np.arange(0, 40, 3))])
    assert np.sort(scores[found]) == pytest.approx(rest[-wanted:], abs=1e-3)


@LAYOUTS
@pytest.mark.parametrize("strategy", get_args(Strategy))
def test_other_paragraphs_take_the_places_of_those_left_out(
    strategy: Any, layout: dict[str, Any], make_searcher: MakeSearcher
) -> None:
    documents = [Document(f"d{number}", f"Paris {number} Seine " + "river " * number) for number in range(8)]
    searcher, _ = make_searcher(documents, FakeEncoder(kept_starts=1, kept_ends=1), **layout)
    options = SearchOptions(
        strategy, paragraph_candidates=3, dense_candidates=3, probes=1000, exclude_documents=["d0", "d7", "d6"]
    )
    [answers] = searcher.search([QUESTION], options)
    found = {evidence.document.id for answer in answers for evidence in answer.evidence}
    assert found <= {"d1", "d2", "d3", "d4", "d5"}
    assert len(found) >= 3 or strategy == "dense-first"


@LAYOUTS
def test_nothing_is_left_when_every_document_is_left_out(layout: dict[str, Any], make_searcher: MakeSearcher) -> None:
    documents = random_documents(6, documents=12)
    searcher, _ = make_searcher(documents, **layout)
    for strategy in get_args(Strategy):
        for exhaustive in (False, True):
            ids = tuple(document.id for document in documents)
            options = SearchOptions(strategy, exhaustive=exhaustive, exclude_documents=ids)
            assert searcher.search([QUESTION], options) == [[]]


def test_an_unknown_document_is_named(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3))
    with pytest.raises(SearchError, match=r"no document 'd99' in .* to leave out"):
        searcher.search(["Paris?"], SearchOptions(exclude_documents=["d0", "d99"]))


def test_the_rest_of_the_scores_stays(make_searcher: MakeSearcher) -> None:
    """Term statistics are those of the whole index, so what remains scores as before."""
    searcher, _ = make_searcher(random_documents(3, documents=12))
    options = {"top_k": EVERYTHING, "evidence_spans": EVERYTHING, "exhaustive": True}
    before, after = (
        {
            (evidence.document.id, evidence.start): evidence.score
            for answer in searcher.search([QUESTION], SearchOptions(exclude_documents=ids, **options))[0]
            for evidence in answer.evidence
        }
        for ids in ((), ("d1", "d5"))
    )
    assert after == {place: score for place, score in before.items() if place[0] not in ("d1", "d5")}
