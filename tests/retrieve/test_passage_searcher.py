"""A search of passages against every paragraph scored one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from densephrase.data import Passage
from densephrase.errors import SearchError
from densephrase.retrieve.options import PassageOptions
from densephrase.retrieve.passage_searcher import PassageSearcher
from densephrase.retrieve.retriever import Retriever
from tests.retrieve.made_rows import MadeRows, clustered, made_rows
from tests.retrieve.test_term_ranking import by_formula, random_texts

SIZE, PASSAGES = 16, 300
QUESTIONS = [text for text in random_texts(1, 90, 7) if text]


def encode(questions: Sequence[str]) -> NDArray[np.float32]:
    """Return for each question a vector of its own."""
    return np.concatenate([np.empty((0, SIZE), np.float32), *map(question_vector, questions)])


def question_vector(question: str) -> NDArray[np.float32]:
    return clustered(1, SIZE, 10, 0.6, sum(question.encode()))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> MadeRows:
    vectors = clustered(PASSAGES, SIZE, 10, 0.6, 2)
    vectors[PASSAGES // 2 :] = vectors[: PASSAGES - PASSAGES // 2]
    return made_rows(tmp_path_factory.mktemp("rows"), random_texts(3, PASSAGES), vectors)


def scores(rows: MadeRows, question: str) -> dict[str, NDArray[np.float64]]:
    """Return both scores of every paragraph."""
    assert rows.vectors is not None
    vectors = rows.vectors.quantiser.decode(rows.vectors.codes).astype(np.float64)
    bm25 = np.array(by_formula([document.text for document in rows.documents], question, rows.terms.paragraphs.bm25))
    return {"bm25": bm25, "dense": vectors @ question_vector(question)[0]}


def numbers(passages: Sequence[Passage]) -> list[int]:
    return [int(passage.document.id[1:]) for passage in passages]


def check(found: Sequence[Passage], expected: NDArray[np.float64], top_k: int) -> None:
    """Check scores, their order, and that nothing better was left out."""
    own = numbers(found)
    assert [passage.score for passage in found] == pytest.approx(expected[own], rel=1e-4, abs=1e-5)
    assert [passage.score for passage in found] == pytest.approx(np.sort(expected)[::-1][:top_k], rel=1e-4, abs=1e-5)
    order = [(-passage.score, number) for passage, number in zip(found, own, strict=True)]
    assert order == sorted(order)


@pytest.mark.parametrize("strategy", ["bm25", "dense"])
def test_one_side_alone(strategy: Any, rows: MadeRows) -> None:
    searcher = PassageSearcher(rows, encode)
    for question, found in zip(QUESTIONS, searcher.search(QUESTIONS, 9, strategy=strategy), strict=True):
        expected = scores(rows, question)[strategy]
        check(found, expected, min(9, int((expected > 0).sum())) if strategy == "bm25" else 9)
        assert [dict(passage.parts) for passage in found] == [{strategy: passage.score} for passage in found]
        assert all(passage.term_matches is None for passage in found)


@pytest.mark.parametrize("weight", [0.0, 0.05, 3.0])
def test_hybrid_adds_both_scores(weight: float, rows: MadeRows) -> None:
    searcher = PassageSearcher(rows, encode, term_weight=weight)
    everything = searcher.search(QUESTIONS, 9, candidates=PASSAGES)
    for question, found in zip(QUESTIONS, everything, strict=True):
        own = scores(rows, question)
        check(found, own["dense"] + weight * own["bm25"], 9)
        for passage, number in zip(found, numbers(found), strict=True):
            assert dict(passage.parts) == pytest.approx(
                {name: side[number] for name, side in own.items()}, rel=1e-4, abs=1e-5
            )
    assert everything == PassageSearcher(rows, encode).search(QUESTIONS, 9, candidates=PASSAGES, term_weight=weight)


def test_candidates_are_what_both_sides_propose(rows: MadeRows) -> None:
    searcher = PassageSearcher(rows, encode)
    dense, bm25 = (searcher.search(QUESTIONS, 5, strategy=side) for side in ("dense", "bm25"))
    found = searcher.candidates(QUESTIONS, PassageOptions(candidates=5))
    for some, by_dense, by_bm25 in zip(found, dense, bm25, strict=True):
        assert some.by_dense.tolist() == numbers(by_dense)
        assert some.by_bm25.tolist() == numbers(by_bm25)
        assert some.rows.tolist() == sorted({*numbers(by_dense), *numbers(by_bm25)})
        assert dict(zip(some.rows.tolist(), some.dense.tolist(), strict=True)).items() >= {
            (number, passage.score) for number, passage in zip(numbers(by_dense), by_dense, strict=True)
        }
    for mine, some in zip(searcher.search(QUESTIONS, 20, candidates=5), found, strict=True):
        assert sorted(numbers(mine)) == some.rows.tolist()


def test_reciprocal_ranks_join_both_sides(rows: MadeRows) -> None:
    searcher = PassageSearcher(rows, encode)
    sides = [searcher.search(QUESTIONS, 100, strategy=side) for side in ("dense", "bm25")]
    fused = searcher.search(QUESTIONS, 8, fusion="reciprocal-rank")
    for found, *rankings in zip(fused, *sides, strict=True):
        expected = np.zeros(PASSAGES)
        for ranking in rankings:
            expected[numbers(ranking)] += 1 / (61 + np.arange(len(ranking)))
        assert numbers(found) == np.argsort(-expected, kind="stable")[:8].tolist()
        assert [passage.score for passage in found] == pytest.approx(np.sort(expected)[::-1][:8])


def test_fusion_follows_the_weights_that_there_are(rows: MadeRows) -> None:
    tuned, plain = PassageSearcher(rows, encode, term_weight=0.2), PassageSearcher(rows, encode)
    by_rank = plain.search(QUESTIONS, 5, fusion="reciprocal-rank")
    weighted = tuned.search(QUESTIONS, 5, fusion="weighted")
    assert by_rank != weighted
    assert plain.search(QUESTIONS, 5) == by_rank == tuned.search(QUESTIONS, 5, fusion="reciprocal-rank")
    assert tuned.search(QUESTIONS, 5) == weighted == plain.search(QUESTIONS, 5, term_weight=0.2)
    with pytest.raises(SearchError, match="No weight of terms was tuned"):
        plain.search(QUESTIONS, 5, fusion="weighted")


def test_explanations_say_which_terms_are_shared(rows: MadeRows) -> None:
    for strategy in ("bm25", "dense", "hybrid"):
        for question, found in zip(
            QUESTIONS, PassageSearcher(rows, encode).search(QUESTIONS, 3, strategy=strategy, explain=True), strict=True
        ):
            for passage in found:
                assert passage.term_matches is not None
                assert {match.term for match in passage.term_matches} == {*passage.text.split()} & {*question.split()}
                if "bm25" in passage.parts:
                    total = sum(match.paragraph for match in passage.term_matches)
                    assert total == pytest.approx(passage.parts["bm25"], rel=1e-5)


@pytest.mark.parametrize("strategy", ["bm25", "dense", "hybrid"])
def test_batches_and_threads_change_nothing(strategy: Any, rows: MadeRows) -> None:
    together = PassageSearcher(rows, encode).search(QUESTIONS, 7, strategy=strategy)
    assert PassageSearcher(rows, encode, threads=2).search(QUESTIONS, 7, strategy=strategy) == together
    alone = PassageSearcher(rows, encode)
    assert [alone.search([question], 7, strategy=strategy)[0] for question in QUESTIONS] == together


def test_questions_without_terms(rows: MadeRows) -> None:
    searcher = PassageSearcher(rows, encode)
    assert searcher.search(["", "unknown"], 5, strategy="bm25") == [[], []]
    assert [len(found) for found in searcher.search(["", "unknown"], 5)] == [5, 5]
    assert searcher.search([], 5) == []


def test_more_than_there_are(rows: MadeRows) -> None:
    for strategy in ("dense", "hybrid"):
        [found] = PassageSearcher(rows, encode).search(QUESTIONS[:1], 10**9, strategy=strategy)
        assert sorted(numbers(found)) == list(range(PASSAGES))


def test_auto_is_what_the_index_can_do(rows: MadeRows) -> None:
    without = MadeRows(rows.documents, rows.terms)
    terms = PassageSearcher(rows, encode).search(QUESTIONS, 4, strategy="bm25")
    assert PassageSearcher(without, encode).search(QUESTIONS, 4) == terms
    assert PassageSearcher(rows).search(QUESTIONS, 4) == terms
    hybrid = PassageSearcher(rows, encode).search(QUESTIONS, 4, strategy="hybrid")
    assert PassageSearcher(rows, encode).search(QUESTIONS, 4) == hybrid


@pytest.mark.parametrize("strategy", ["dense", "hybrid"])
def test_what_is_missing_is_named(strategy: Any, rows: MadeRows) -> None:
    with pytest.raises(SearchError, match="holds no vectors"):
        PassageSearcher(MadeRows(rows.documents, rows.terms), encode).search(QUESTIONS, strategy=strategy)
    with pytest.raises(SearchError, match="no encoder for questions"):
        PassageSearcher(rows).search(QUESTIONS, strategy=strategy)
    with pytest.raises(SearchError, match="there are strategy, top_k"):
        PassageSearcher(rows).search(QUESTIONS, unit="phrase")  # type: ignore[call-arg]


def test_lists_that_are_all_looked_through_change_nothing(tmp_path: Path, rows: MadeRows) -> None:
    texts = [document.text for document in rows.documents]
    listed = made_rows(tmp_path, texts, clustered(PASSAGES, SIZE, 10, 0.6, 2), lists=8)
    flat = made_rows(tmp_path, texts, clustered(PASSAGES, SIZE, 10, 0.6, 2))
    for strategy in ("dense", "hybrid"):
        exact = PassageSearcher(flat, encode).search(QUESTIONS, 6, strategy=strategy)
        assert PassageSearcher(listed, encode).search(QUESTIONS, 6, strategy=strategy, probes=8) == exact


def test_it_is_a_retriever(rows: MadeRows) -> None:
    retriever: Retriever = PassageSearcher(rows, encode)
    assert [len(found) for found in retriever.search(QUESTIONS[:2], 3)] == [3, 3]


def test_a_string_is_no_list_of_questions(rows: MadeRows) -> None:
    with pytest.raises(SearchError, match="takes a list of questions; found 'who'"):
        PassageSearcher(rows, encode).search("who", 3)
