"""BM25 by MaxScore against BM25 of every text, sorted: sums are those of float32, so no bit may differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.common.plain_terms import accumulate_bm25
from densephrase.kernels import max_score, selection
from densephrase.kernels.max_score import DocumentPart, PostingTable, TermQuery
from tests.kernels.interpreted import interpret
from tests.soaking import examples

NO_RANGES = np.empty((0, 2), np.int64)
Found = tuple[list[int], list[float]]


@dataclass
class Sample:
    """Postings of random texts and a question of all their terms."""

    table: PostingTable
    terms: TermQuery

    @property
    def packed(self) -> PostingTable:
        """The table with each posting in one number."""
        packed = (self.table.ids << 8) + self.table.tf
        return self.table._replace(ids=packed, tf=np.empty(0, np.uint16), shift=8)

    @property
    def scores(self) -> NDArray[np.float32]:
        """BM25 of every text, added up term by term."""
        ptr, ids, tf, norm, _ = self.table
        scores = np.zeros(norm.size, np.float32)
        for term, weight in zip(self.terms.ids.tolist(), self.terms.weights, strict=True):
            texts, counts = ids[ptr[term] : ptr[term + 1]], tf[ptr[term] : ptr[term + 1]].astype(np.float32)
            scores[texts] += weight * counts / (counts + norm[texts])
        return scores

    @property
    def holds_a_term(self) -> NDArray[np.bool_]:
        """Whether each text holds a term of the question."""
        holds = np.zeros(self.table.norm.size, bool)
        for term in self.terms.ids.tolist():
            holds[self.table.ids[self.table.ptr[term] : self.table.ptr[term + 1]]] = True
        return holds

    def top(self, k: int, weight: float, documents: DocumentPart, excluded: NDArray[np.int64] = NO_RANGES) -> Found:
        """Return the texts that the kernel finds and their totals."""
        rows, totals = np.full(k, -1, np.int64), np.full(k, np.nan, np.float32)
        asked = self.table, self.terms, np.float32(weight), documents, excluded, rows, totals
        count, damaged = max_score.top_texts(*asked)
        assert damaged == -1
        return rows[:count].tolist(), totals[:count].tolist()

    def expected(self, k: int, weight: float, documents: DocumentPart, kept: NDArray[np.bool_] | None = None) -> Found:
        """Return the same by sorting all texts."""
        totals = np.float32(weight) * self.scores
        if documents.scores.size:
            totals += documents.scores[documents.of_paragraph]
        order = np.lexsort((np.arange(totals.size), -totals))
        order = order[self.holds_a_term[order] & (True if kept is None else kept[order])][:k]
        return order.tolist(), totals[order].tolist()


def sample(seed: int, texts: int = 60, terms: int = 5, asked: int | None = None, kinds: int = 3) -> Sample:
    """Return random postings, rare and common; with few `kinds` of frequencies and norms, many texts score alike."""
    random = np.random.default_rng(seed)
    holds = random.random((terms, texts)) < random.choice([0.05, 0.3, 0.9], (terms, 1))
    term, ids = np.nonzero(holds)
    table = PostingTable(
        np.searchsorted(term, np.arange(terms + 1)).astype(np.int64),
        ids.astype(np.int32),
        random.integers(1, kinds + 1, ids.size).astype(np.uint16),
        random.choice(np.linspace(0.1, 2, kinds), texts).astype(np.float32),
        0,
    )
    chosen = np.sort(random.choice(terms, terms if asked is None else asked, replace=False))
    return Sample(table, TermQuery(chosen, random.choice([0.3, 0.3, 1.7, 5.1], chosen.size).astype(np.float32)))


def no_documents() -> DocumentPart:
    """Return that documents add nothing."""
    return DocumentPart(np.empty(0, np.float32), np.empty(0, np.int32))


def some_documents(seed: int, texts: int) -> DocumentPart:
    """Return scores of documents of a few texts each, some of them 0."""
    random = np.random.default_rng(seed)
    of_paragraph = np.sort(random.integers(0, texts // 3 + 1, texts)).astype(np.int32)
    return DocumentPart(random.choice([0, 0.5, 4], texts // 3 + 1).astype(np.float32), of_paragraph)


@pytest.fixture(params=["compiled", "python"])
def _either_form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the kernels compiled, then as plain Python."""
    if request.param == "python":
        interpret(monkeypatch, max_score, selection)


EITHER_FORM = pytest.mark.usefixtures("_either_form")


@EITHER_FORM
@pytest.mark.parametrize("k", [1, 3, 10, 60, 500])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_texts_are_those_of_a_full_sort(seed: int, k: int) -> None:
    made = sample(seed)
    assert made.top(k, 0.7, no_documents()) == made.expected(k, 0.7, no_documents())


@settings(deadline=None, max_examples=examples(300))  # the first example compiles
@given(
    seed=st.integers(0, 2**32),
    texts=st.integers(1, 150),
    terms=st.integers(1, 12),
    kinds=st.sampled_from([1, 2, 50]),
    k=st.integers(1, 20),
    weight=st.sampled_from([0.0, 0.5, 1.0]),
    has_documents=st.booleans(),
    is_packed=st.booleans(),
)
def test_any_texts(
    seed: int, texts: int, terms: int, kinds: int, k: int, weight: float, has_documents: bool, is_packed: bool
) -> None:
    made = sample(seed, texts, terms, seed % (terms + 1), kinds)
    documents = some_documents(seed, texts) if has_documents else no_documents()
    asked = Sample(made.packed, made.terms) if is_packed else made
    assert asked.top(k, weight, documents) == made.expected(k, weight, documents)


@EITHER_FORM
@pytest.mark.parametrize("ranges", [[(0, 20)], [(3, 5), (9, 40)], [(0, 60)], [(4, 4), (59, 60)]], ids=str)
def test_others_take_the_places_of_texts_that_are_left_out(ranges: list[tuple[int, int]]) -> None:
    made, kept = sample(3), np.ones(60, bool)
    for first, last in ranges:
        kept[first:last] = False
    found = made.top(10, 1.0, no_documents(), np.array(ranges))
    assert found == made.expected(10, 1.0, no_documents(), kept)


@EITHER_FORM
def test_a_question_without_terms_finds_nothing() -> None:
    assert sample(1, asked=0).top(5, 1.0, no_documents()) == ([], [])


@EITHER_FORM
def test_a_term_that_no_text_holds_finds_nothing() -> None:
    made = sample(1, terms=1)
    made.table = made.table._replace(ptr=np.zeros(2, np.int64))
    assert made.top(5, 1.0, no_documents()) == ([], [])


@EITHER_FORM
def test_no_place_for_the_best_is_no_work() -> None:
    assert sample(1).top(0, 1.0, no_documents()) == ([], [])


def test_rounding_of_long_sums_drops_no_text() -> None:
    """Added up in float32, 5000 times 0.1 is 500.02; a text of 500.01 must not keep it out."""
    terms = 5000
    ids = np.append(np.ones(terms, np.int32), np.int32(0))
    table = PostingTable(np.arange(terms + 2), ids, np.ones(terms + 1, np.uint16), np.zeros(2, np.float32), 0)
    made = Sample(table, TermQuery(np.arange(terms + 1), np.full(terms + 1, 0.1, np.float32)))
    made.terms.weights[terms] = 500.01
    assert made.scores.tolist() == pytest.approx([500.01, 500.02], abs=2e-3)
    assert made.top(1, 1.0, no_documents()) == made.expected(1, 1.0, no_documents())


@EITHER_FORM
@pytest.mark.parametrize("damage", [-1, 60, 2**31 - 1])
@pytest.mark.parametrize("k", [1, 60])
def test_a_posting_of_a_text_that_does_not_exist_is_reported(damage: int, k: int) -> None:
    made = sample(2)
    for posting in (int(made.table.ptr[1]), int(made.table.ptr[2]) - 1):
        ids = made.table.ids.copy()
        ids[posting] = damage
        rows, totals = np.empty(k, np.int64), np.empty(k, np.float32)
        table = made.table._replace(ids=ids)
        excluded, one = NO_RANGES, np.float32(1)
        count, damaged = max_score.top_texts(table, made.terms, one, no_documents(), excluded, rows, totals)
        if k == 60:  # a smaller search may not come across it
            assert damaged == posting
        assert damaged in (-1, posting)
        assert set(rows[:count].tolist()) <= set(range(60))


@EITHER_FORM
def test_postings_in_no_order_are_read_within_their_bounds() -> None:
    made = sample(5)
    made.table = made.table._replace(ids=np.random.default_rng(1).permutation(made.table.ids))
    rows, _ = made.top(60, 1.0, no_documents())
    assert set(rows) <= set(range(60))


@EITHER_FORM
@pytest.mark.parametrize("seed", range(4))
def test_scores_of_chosen_texts(seed: int) -> None:
    made = sample(seed)
    for texts in (range(60), range(0, 60, 7), [59], []):
        assert scores_of(made, list(texts)) == made.scores[list(texts)].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_all_postings_accumulated(seed: int) -> None:
    made, scores = sample(seed), np.zeros(60, np.float32)
    ptr, ids, tf, norm, _ = made.table
    assert accumulate_bm25(made.terms.ids, made.terms.weights, ptr, ids, tf, norm, scores) == -1
    assert scores_of(made, range(60)) == scores.tolist()
    rows, totals = made.top(60, 1.0, no_documents())
    assert totals == scores[rows].tolist()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sets(st.integers(0, 99)))
def test_scores_of_any_texts(seed: int, texts: set[int]) -> None:
    made = sample(seed, 100, 8, seed % 9)
    assert scores_of(made, sorted(texts)) == made.scores[sorted(texts)].tolist()
    assert scores_of(Sample(made.packed, made.terms), sorted(texts)) == made.scores[sorted(texts)].tolist()


def scores_of(made: Sample, texts: Sequence[int]) -> list[float]:
    """Return the scores that the kernel writes."""
    scores = np.full(len(texts), np.nan, np.float32)
    max_score.scores_at(made.table, made.terms, np.array(texts, np.int64), scores)
    return scores.tolist()


@EITHER_FORM
def test_scores_of_damaged_postings_are_read_within_their_bounds() -> None:
    made = sample(2)
    made.table.ids[::3], made.table.ids[1::3] = -5, 10_000
    assert len(scores_of(made, range(60))) == 60
