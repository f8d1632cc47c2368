"""One question's passages: ranks worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from densephrase.corpus.retrieval.retriever_output import iterate_retrieved
from densephrase.data import Document, Passage, Question
from densephrase.evaluation.retrieval.passage_result import PassageResult, holds_answer
from tests.evaluation.retrieval.passages import whole

ASKED = Question("q", "who built it", ("Nils Aas",), (-1,))
FOUND = [
    whole("a", "The mill stands in Orlan.", 3.0, title="Nils Aas"),
    whole("b", "It was built by Nils\nAas in 1905.", 2.0),
    whole("c", "Nobody knows.", 1.5),
    whole("d", "nils aas built it", 1.0),
]


@pytest.mark.parametrize(
    ("answers", "rank"),
    [(("Nils Aas",), 2), (("Aas", "Orlan"), 1), (("Nils Aa",), None), ((), None), (("",), None)],
)
def test_answer_ranks_are_of_texts_without_titles(answers: tuple[str, ...], rank: int | None) -> None:
    question = replace(ASKED, answers=answers, answer_starts=(-1,) * len(answers))
    assert PassageResult.of(question, FOUND, 0.0).answer_rank == rank


@pytest.mark.parametrize(
    ("pattern", "rank"),
    [(r"\b19\d\d\b", 2), (r"^nobody", 3), (r"^aas", 2), (r"^nils\s+aas", 4), ("(", None), (r"(\w+\s?)+!", None)],
)
def test_patterns_are_searched_for(pattern: str, rank: int | None) -> None:
    question = replace(ASKED, answers=(pattern,), is_pattern=True)
    assert PassageResult.of(question, FOUND, 0.0).answer_rank == rank


def test_the_gold_passage_is_where_a_reference_was_marked() -> None:
    document = Document("d", "Nils Aas was born.\n\nThe mill. Nils Aas built it.\n\nNils Aas died.")
    middle = document.text.index("The mill")
    question = replace(ASKED, context="The mill. Nils Aas built it.", answer_starts=(10,))
    passages = [Passage(document, 0, 18, 3.0), whole("e", "other", 2.0), Passage(document, middle, middle + 28, 1.0)]
    result = PassageResult.of(question, passages, 0.0)
    assert (result.answer_rank, result.gold_rank, result.is_gold_known) == (1, 3, True)
    named = replace(ASKED, document="d", answer_starts=(middle + 10,))
    assert PassageResult.of(named, passages, 0.0).gold_rank == 3
    assert PassageResult.of(question, passages[:2], 0.0).gold_rank is None
    assert PassageResult.of(ASKED, passages, 0.0).is_gold_known is False


def test_nothing_found() -> None:
    result = PassageResult.of(ASKED, [], 0.25)
    assert (result.answer_rank, result.gold_rank, result.to_dict()["ctxs"]) == (None, None, [])


def test_a_line_of_predictions_is_dprs_output_and_more() -> None:
    line = PassageResult.of(ASKED, FOUND, 0.25).to_dict()
    contexts = line.pop("ctxs")
    assert line == {
        "id": "q",
        "question": "who built it",
        "answers": ["Nils Aas"],
        "answer_rank": 2,
        "gold_rank": None,
        "seconds": 0.25,
    }
    assert [one["has_answer"] for one in contexts] == [False, True, False, True]
    assert contexts[0] == {
        "id": "a:0-25",
        "title": "Nils Aas",
        "text": "The mill stands in Orlan.",
        "score": 3.0,
        "has_answer": False,
        "parts": {"bm25": 3.0},
    }


@pytest.mark.parametrize(
    "question", [ASKED, replace(ASKED, answers=("aa.",), is_pattern=True), replace(ASKED, answers=("Oslo",))]
)
def test_predictions_are_read_as_a_retrievers_output(question: Question, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    file.write_text(json.dumps(PassageResult.of(question, FOUND, 0.25).to_dict()) + "\n", encoding="utf-8")
    [read] = iterate_retrieved(file)
    assert (read.question.id, read.question.answers, read.question.is_pattern) == (
        question.id,
        question.answers,
        question.is_pattern,
    )
    assert [one.has_answer for one in read.passages] == [holds_answer(question, passage) for passage in FOUND]
    assert [(one.score, one.passage.text) for one in read.passages] == [(one.score, one.text) for one in FOUND]
