"""Searches at the edges: strange questions, tiny corpora, ties, units."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest

from densephrase.data import Answer, Document
from densephrase.errors import SearchError
from densephrase.search.plan.options import SearchOptions, Unit
from densephrase.search.plan.strategies import Strategy
from densephrase.search.searcher import Searcher, _ahead
from tests.search.conftest import MakeSearcher, random_documents
from tests.search.fake_encoder import FakeEncoder

STRATEGIES = pytest.mark.parametrize("strategy", get_args(Strategy))
STRANGE = {"empty": "", "blank": " \n", "unknown words": "zzzz qqqq", "stop words": "the of a", "long": "Paris " * 5000}


def check_places(answers: list[Answer]) -> None:
    """Check that every piece of evidence can be cited and lies in its context."""
    for answer in answers:
        for evidence in answer.evidence:
            assert evidence.text
            assert evidence.document.text[evidence.start : evidence.end] == evidence.text
            assert evidence.paragraph_start <= evidence.start < evidence.end <= evidence.paragraph_end
            assert evidence.text in evidence.context


@STRATEGIES
@pytest.mark.parametrize("name", STRANGE)
def test_strange_questions(name: str, strategy: Any, make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3))
    [answers] = searcher.search([STRANGE[name]], SearchOptions(strategy))
    check_places(answers)
    has_terms = name == "long"
    assert bool(answers) == (has_terms or strategy != "sparse-first")
    assert has_terms or all(answer.parts.paragraph_terms == 0 for answer in answers)


@STRATEGIES
def test_fewer_answers_than_asked_for(strategy: Any, make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher([Document("one", "Paris", "")], FakeEncoder(kept_starts=1, kept_ends=1))
    options = SearchOptions(strategy, top_k=50, dense_candidates=9999, paragraph_candidates=9999)
    [answers] = searcher.search(["Paris?"], options)
    assert [answer.text for answer in answers] == ["Paris"]


def test_a_paragraph_with_starts_but_no_ends_gives_no_answer(make_searcher: MakeSearcher) -> None:
    searcher, reader = make_searcher(random_documents(3), FakeEncoder(kept_starts=1, kept_ends=0))
    assert reader.bases.starts[-1] > 0 == reader.bases.ends[-1]
    assert searcher.search(["Paris?"], SearchOptions()) == [[]]


def test_an_index_without_starts_gives_no_answer(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3), FakeEncoder(kept_starts=0))
    searcher.warm_up()
    assert searcher.search(["Paris?"], SearchOptions()) == [[]]


def test_equal_scores_come_in_the_order_of_the_corpus(make_searcher: MakeSearcher) -> None:
    documents = [Document(name, "one two\n\nthree") for name in ("z", "b", "a")]
    encoder = FakeEncoder(largest=0, kept_starts=1, kept_ends=1)
    searcher, _ = make_searcher(documents, encoder)
    options = SearchOptions(paragraph_weight=0, document_weight=0, exhaustive=True)
    [answers] = searcher.search(["?"], options)
    assert [answer.text for answer in answers] == ["one", "two", "three"]
    assert [[evidence.document.id for evidence in answer.evidence] for answer in answers] == [["z", "b", "a"]] * 3


@pytest.mark.parametrize("options", [{}, {"shard_characters": 1}], ids=["one shard", "shards"])
def test_ties_at_the_limit_go_to_the_smallest_rows(options: dict[str, int], make_searcher: MakeSearcher) -> None:
    documents = [Document(f"d{number}", "same") for number in range(9)]
    searcher, _ = make_searcher(documents, FakeEncoder(kept_starts=1, kept_ends=1), **options)
    [answers] = searcher.search(["?"], SearchOptions("dense-first", dense_candidates=4))
    assert [evidence.document.id for evidence in answers[0].evidence] == ["d0", "d1", "d2", "d3"]


def test_offsets_are_code_points(make_searcher: MakeSearcher) -> None:
    text = "  𝔘𝔫 café\n\n東京 e\u0301te\u0301 👩\u200d🚀 Zürich  "
    searcher, _ = make_searcher([Document("d", text)], FakeEncoder(kept_starts=1, kept_ends=1))
    [answers] = searcher.search(["?"], SearchOptions(exhaustive=True, max_answer_tokens=1, top_k=50))
    check_places(answers)
    assert {"𝔘𝔫", "café", "東京", "Zürich"} <= {answer.text for answer in answers}


@pytest.mark.parametrize("unit", get_args(Unit))
def test_phrases_are_cited_once_and_in_whole_letters(unit: Any, make_searcher: MakeSearcher) -> None:
    text = "Malmo\u0308 (Malmo\u0308) `Malmo\u0308` x\u0304"
    searcher, _ = make_searcher([Document("one", text, "")], FakeEncoder(kept_starts=1.0, kept_ends=1.0))
    [answers] = searcher.search(["Malmo\u0308?"], SearchOptions(unit=unit, top_k=99))
    check_places(answers)
    places = [(evidence.start, evidence.end) for answer in answers for evidence in answer.evidence]
    assert len(places) == len(set(places)) > 0
    assert not {text[place : place + 1] for pair in places for place in pair} & {"\u0308", "\u0304"}
    assert all(answer.text.count("(") == answer.text.count(")") for answer in answers if answer.text not in "()")


def test_answers_that_normalise_to_nothing_are_kept_apart(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher([Document("d", "The . , THE")], FakeEncoder(kept_starts=1, kept_ends=1))
    [answers] = searcher.search(["?"], SearchOptions(exhaustive=True, max_answer_tokens=1))
    assert sorted(len(answer.evidence) for answer in answers) == [1, 1, 2]


def test_many_questions_are_answered_as_one_by_one(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(8, documents=10))
    questions = [f"{word} {number}" for number in range(50) for word in ("Paris", "Hamlet")]
    together = searcher.search(questions, SearchOptions())
    assert together == [searcher.search([question], SearchOptions())[0] for question in questions]
    assert searcher.search([], SearchOptions()) == []


@pytest.mark.parametrize("unit", get_args(Unit))
def test_each_unit_answers_once(unit: Any, make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(9, documents=6))
    options = SearchOptions(unit=unit, exhaustive=True, top_k=100, evidence_spans=10**6)
    [answers] = searcher.search(["Who wrote Hamlet?"], options)
    check_places(answers)
    assert [answer.score for answer in answers] == sorted((answer.score for answer in answers), reverse=True)
    if unit == "phrase":
        return
    places = [(answer.document.id, answer.evidence[0].paragraph_start) for answer in answers]
    assert len(set(places)) == len(places)
    for answer in answers:
        assert {evidence.document.id for evidence in answer.evidence} == {answer.document.id}
        assert {evidence.paragraph_start for evidence in answer.evidence} == {answer.evidence[0].paragraph_start}


def test_the_context_is_the_unit(make_searcher: MakeSearcher) -> None:
    text = "Ants dig. Bees fly.\n\nCats run."
    searcher, _ = make_searcher([Document("d", text)], FakeEncoder(kept_starts=1, kept_ends=1))
    contexts = {
        unit: {
            answer.context
            for answer in searcher.search(["?"], SearchOptions(unit=unit, max_answer_tokens=1, exhaustive=True))[0]
        }
        for unit in get_args(Unit)
    }
    paragraphs = {"Ants dig. Bees fly.", "Cats run."}
    assert contexts == {
        "phrase": paragraphs,
        "sentence": {"Ants dig.", "Bees fly.", "Cats run."},
        "paragraph": paragraphs,
        "document": {text},
    }


def test_weights_default_to_the_encoder(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3))
    spelt_out = SearchOptions(max_answer_tokens=4, paragraph_weight=0.5, document_weight=0.25)
    assert searcher.search(["Paris Hamlet"], SearchOptions()) == searcher.search(["Paris Hamlet"], spelt_out)


def test_threads_may_share_a_searcher(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(8, documents=20))
    questions = [f"Paris Hamlet {number}" for number in range(40)]
    with ThreadPoolExecutor(4) as threads:
        shared = list(threads.map(lambda question: searcher.search([question], SearchOptions())[0], questions))
    assert shared == searcher.search(questions, SearchOptions())


def test_warming_up_changes_nothing(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3))
    before = searcher.search(["Paris"], SearchOptions())
    searcher.warm_up()
    assert searcher.search(["Paris"], SearchOptions()) == before


def test_an_encoder_of_another_size_is_refused(make_searcher: MakeSearcher) -> None:
    _, reader = make_searcher(random_documents(3))
    with pytest.raises(SearchError, match=r"rows of 12 \+ 3 dimensions, the encoder makes 16 \+ 3"):
        Searcher(reader, FakeEncoder(vector_size=16))  # type: ignore[arg-type]


@pytest.mark.parametrize(("stored", "made"), [(0, 8), (8, 0)], ids=["without", "with"])
def test_an_encoder_that_differs_in_sparse_vectors_is_refused(
    stored: int, made: int, make_searcher: MakeSearcher
) -> None:
    _, reader = make_searcher(random_documents(3), FakeEncoder(sparc_size=stored))
    ranks = [3 if size else 0 for size in (stored, made)]
    message = rf"vectors of rank {ranks[0]} \(0: none\), the encoder makes some of rank {ranks[1]}; search with"
    with pytest.raises(SearchError, match=message):
        Searcher(reader, FakeEncoder(sparc_size=made))  # type: ignore[arg-type]


def test_sparse_parts_count_unless_they_are_left_out(make_searcher: MakeSearcher) -> None:
    searcher, _ = make_searcher(random_documents(3), FakeEncoder(sparc_size=8, vocabulary=8))
    searcher.warm_up()
    for sparc in (True, False):
        [answers] = searcher.search(["Paris Hamlet river"], SearchOptions(sparc=sparc, exhaustive=True))
        assert any(answer.parts.sparc_start for answer in answers) == sparc
        assert any(answer.parts.sparc_end for answer in answers) == sparc


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_batches_come_in_order_however_long_each_takes(count: int) -> None:
    def find(number: int) -> int:
        time.sleep(0.01 * (number % 3 == 0))
        return number * number

    assert list(_ahead(find, range(count))) == [number * number for number in range(count)]


@pytest.mark.parametrize("bad", [0, 1, 4])
def test_a_batch_that_fails_ends_the_search(bad: int) -> None:
    def find(number: int) -> float:
        return 1 / (number - bad)

    found = _ahead(find, range(5))
    assert [next(found) for _ in range(bad)] == [1 / (number - bad) for number in range(bad)]
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_no_more_than_the_next_batch_is_searched_ahead() -> None:
    begun: list[int] = []
    for number in _ahead(lambda one: begun.append(one) or one, range(9)):  # type: ignore[func-returns-value]
        assert max(begun) <= number + 1
