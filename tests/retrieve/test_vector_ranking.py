"""Paragraphs by their vectors against numpy over decoded vectors, and against FAISS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.errors import SearchError
from densephrase.index.lists.list_rule import choose_list_count
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.retrieve.dense import VectorRanking, choose_passage_effort
from tests.retrieve.made_rows import MadeVectors, clustered, made_vectors

Found = list[list[tuple[int, float]]]


def found(ranking: VectorRanking, questions: NDArray[np.float32], top_k: int, **options: Any) -> Found:
    ranked = ranking.rank(ranking.prepare(questions), top_k, **options)
    return [
        list(zip(rows[:size].tolist(), scores[:size].tolist(), strict=True))
        for rows, scores, size in zip(*ranked[:2], ranked.found.tolist(), strict=True)
    ]


def by_numpy(vectors: MadeVectors, questions: NDArray[np.float32], top_k: int) -> tuple[Any, Any]:
    scores = questions.astype(np.float64) @ vectors.quantiser.decode(vectors.codes).astype(np.float64).T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    return order, np.take_along_axis(scores, order, 1)


@pytest.mark.parametrize("lists", [0, 6])
@pytest.mark.parametrize("top_k", [1, 10, 400, 2**40])
@pytest.mark.parametrize("questions", [1, 2, 21])
def test_everything_looked_through_is_exact(questions: int, top_k: int, lists: int) -> None:
    random = np.random.default_rng(questions)
    vectors = made_vectors(random.standard_normal((300, 48)).astype(np.float32) + 0.3, lists)
    asked = random.standard_normal((questions, 48)).astype(np.float32)
    rows, scores = by_numpy(vectors, asked, min(top_k, 300))
    mine = found(VectorRanking(vectors), asked, top_k, probes=6)
    assert [[row for row, _ in some] for some in mine] == rows.tolist()
    assert np.array([[score for _, score in some] for some in mine]) == pytest.approx(scores, rel=1e-6, abs=1e-5)


def test_order_is_that_of_faiss_over_the_decoded_vectors() -> None:
    vectors, asked = made_vectors(clustered(2000, 64, 20, 0.5, 2)), clustered(30, 64, 20, 0.5, 3)
    oracle = faiss.IndexFlatIP(64)
    oracle.add(vectors.quantiser.decode(vectors.codes))
    scores, rows = oracle.search(asked, 100)
    for mine, expected, exact in zip(found(VectorRanking(vectors), asked, 100), rows, scores, strict=True):
        assert [score for _, score in mine] == pytest.approx(exact.tolist(), rel=1e-5, abs=1e-5)
        same = np.array([row for row, _ in mine]) == expected
        assert same.mean() > 0.95  # the others are closer than float32 rounds
        assert {row for row, _ in mine[:90]} <= set(expected.tolist())


def test_equal_vectors_come_by_row() -> None:
    random = np.random.default_rng(5)
    some = random.standard_normal((10, 16)).astype(np.float32)
    vectors = made_vectors(np.tile(some, (40, 1)))
    [mine] = found(VectorRanking(vectors), some[3:4], 60)
    order, _ = by_numpy(vectors, some[3:4], 60)
    assert [row for row, _ in mine] == order[0].tolist()
    assert len({score for _, score in mine[:40]}) == 1


@pytest.mark.parametrize("top_k", [1, 5])
def test_one_row(top_k: int) -> None:
    vectors = MadeVectors(np.full((1, 4), -3, np.int8), VectorQuantiser(*np.ones((2, 4), np.float32)))
    mine = found(VectorRanking(vectors), np.eye(4, dtype=np.float32)[:2], top_k)
    assert mine == [[(0, pytest.approx(-2.0, rel=1e-6))]] * 2


def test_no_rows_and_no_questions() -> None:
    nothing = VectorRanking(made_vectors(np.empty((0, 8), np.float32)))
    assert found(nothing, np.ones((3, 8), np.float32), 5) == [[], [], []]
    assert found(nothing, np.empty((0, 8), np.float32), 5) == []
    assert found(VectorRanking(made_vectors(np.ones((2, 8), np.float32))), np.empty((0, 8), np.float32), 5) == []


@pytest.mark.parametrize("lists", [0, 16])
def test_threads_and_batches_change_nothing(lists: int) -> None:
    vectors, asked = made_vectors(clustered(1500, 32, 10, 0.6, 6), lists), clustered(50, 32, 10, 0.6, 7)
    together = found(VectorRanking(vectors), asked, 20)
    assert found(VectorRanking(vectors, threads=2), asked, 20) == together
    assert [found(VectorRanking(vectors), one[None], 20)[0] for one in asked] == together


@pytest.mark.parametrize("lists", [0, 8])
def test_scores_of_chosen_rows_are_those_of_the_ranking(lists: int) -> None:
    ranking, asked = VectorRanking(made_vectors(clustered(200, 32, 5, 0.6, 8), lists)), clustered(3, 32, 5, 0.6, 9)
    batch = ranking.prepare(asked)
    ranked = ranking.rank(batch, 50)
    for question in range(3):
        rows = ranked.rows[question, : ranked.found[question]]
        assert ranking.scores(batch, question, rows).tolist() == ranked.scores[question, : len(rows)].tolist()


def test_few_lists_hold_few_rows() -> None:
    vectors, asked = made_vectors(clustered(400, 16, 8, 0.3, 10), 16), clustered(5, 16, 8, 0.3, 11)
    exact, _ = by_numpy(vectors, asked, 400)
    for mine, rows in zip(found(VectorRanking(vectors), asked, 400, probes=1), exact, strict=True):
        own = [row for row, _ in mine]
        assert 0 < len(own) < 400
        assert own == [row for row in rows.tolist() if row in set(own)]


@pytest.mark.parametrize("rows", [20_000, 40_000])
def test_the_rule_finds_the_best_hundred(rows: int) -> None:
    lists = choose_list_count(rows)
    vectors, asked = made_vectors(clustered(rows, 64, 300, 0.9, 12), lists), clustered(100, 64, 300, 0.9, 13)
    exact, _ = by_numpy(vectors, asked, 100)
    mine = found(VectorRanking(vectors), asked, 100)
    recall = [len({row for row, _ in some} & set(best.tolist())) / 100 for some, best in zip(mine, exact, strict=True)]
    assert np.mean(recall) >= 0.95
    effort = choose_passage_effort(rows, lists, 16)
    assert effort.probes < lists  # and does not look at all of them


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (np.ones((2, 7), np.float32), r"shape \(2, 7\); expected \[questions, 8\]"),
        (np.ones(8, np.float32), r"shape \(8,\); expected \[questions, 8\]"),
        (np.full((1, 8), np.nan, np.float32), "not finite"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(asked: NDArray[np.float32], message: str) -> None:
    with pytest.raises(SearchError, match=message):
        VectorRanking(made_vectors(np.ones((2, 8), np.float32))).prepare(asked)


def test_parts_that_do_not_fit_are_refused() -> None:
    vectors = made_vectors(clustered(60, 8, 3, 0.3, 14), 4)
    with pytest.raises(SearchError, match="for vectors of 7 dimensions, the codes have 8"):
        VectorRanking(MadeVectors(vectors.codes, VectorQuantiser(*np.ones((2, 7), np.float32))))
    with pytest.raises(SearchError, match=r"hold codes \(60, 8\); expected \(59, 8\)"):
        VectorRanking(MadeVectors(vectors.codes[:59], vectors.quantiser, vectors.lists))


@pytest.mark.parametrize(
    ("probes", "expected"), [(1, 1), (40, 40), (64, 64), (10**9, 64)], ids=["one", "some", "all", "more"]
)
def test_probes_that_are_asked_for(probes: int, expected: int) -> None:
    effort = choose_passage_effort(20_000, 64, 8, probes)
    assert effort.probes == expected
    assert effort.groups >= 8 or probes < 64


def test_lists_are_probed_by_rule_where_nothing_is_asked(tmp_path: Path) -> None:
    assert choose_passage_effort(1_000_000, 4096, 64).probes < choose_passage_effort(100_000, 4096, 64).probes
    assert choose_passage_effort(0, 0, 0).probes <= 1
