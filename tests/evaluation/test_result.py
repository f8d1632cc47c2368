"""Scoring one question's ranked answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from densephrase.data import Answer, Document, Evidence, Question, ScoreParts
from densephrase.evaluation.result import score_answers, score_span

TEXT = "Hamlet was written by William Shakespeare.\n\nMacbeth is a play, too."
DOCUMENT = Document("plays", TEXT, "Plays")
PARAGRAPHS = {0: (0, 42), 1: (44, 67)}


def answer(phrase: str, paragraph: int = 0) -> Answer:
    """Return the answer that a phrase of a paragraph is."""
    first, last = PARAGRAPHS[paragraph]
    start = TEXT.index(phrase, first)
    return Answer((Evidence(DOCUMENT, start, start + len(phrase), first, last, 1.0, ScoreParts(1, 0, 0, 0, 0)),))


def question(*references: str, context: str | None = TEXT[:42]) -> Question:
    return Question("q", "Who wrote Hamlet?", references, (-1,) * len(references), "Plays", context)


def test_ranks_count_from_one() -> None:
    found = [answer("Macbeth", 1), answer("Hamlet"), answer("William Shakespeare")]
    result = score_answers(question("Shakespeare", "William Shakespeare"), found, 0.5)
    assert not result.exact_match
    assert result.f1 == 0
    assert result.first_exact_rank == 3
    assert result.first_context_rank == 2
    assert result.right_paragraph is False
    assert result.seconds == 0.5


def test_paragraphs_have_ranks_of_their_own() -> None:
    found = [answer("Hamlet"), answer("written"), answer("Shakespeare"), answer("Macbeth", 1)]
    result = score_answers(question("a play"), found, 0.5, [answer("Hamlet"), answer("Macbeth", 1)])
    assert (result.first_context_rank, result.answer_paragraphs) == (4, 2)
    assert (result.first_paragraph_rank, result.paragraphs) == (2, 2)


def test_paragraphs_that_were_not_searched_have_no_rank() -> None:
    result = score_answers(question("a play"), [answer("Macbeth", 1)], 0.5)
    assert (result.first_paragraph_rank, result.paragraphs) == (None, None)
    assert (score_span(question("x"), None).answer_paragraphs, score_answers(question(), [], 0, []).paragraphs) == (
        None,
        0,
    )


def test_f1_is_that_of_the_first_answer() -> None:
    result = score_answers(question("Shakespeare"), [answer("William Shakespeare"), answer("Shakespeare")], 0)
    assert result.f1 == pytest.approx(2 / 3)
    assert result.first_exact_rank == 2


@pytest.mark.parametrize(
    ("context", "expected"),
    [(TEXT[:42], True), (" Hamlet  was written\nby William Shakespeare. ", True), (TEXT[44:], False), (None, None)],
    ids=["same", "other white space", "other paragraph", "unknown"],
)
def test_right_paragraph(context: str | None, expected: bool | None) -> None:
    assert score_answers(question("x", context=context), [answer("Hamlet")], 0).right_paragraph is expected


def test_no_answer_is_wrong() -> None:
    result = score_answers(question("Shakespeare"), [], 0)
    assert (result.exact_match, result.f1, result.first_exact_rank, result.first_context_rank) == (False, 0, None, None)
    assert result.right_paragraph is False


def test_a_question_without_references_is_answered_wrong() -> None:
    result = score_answers(question(), [answer("Hamlet")], 0)
    assert not result.exact_match
    assert result.first_context_rank is None


def test_to_dict_is_json_with_spans() -> None:
    line = json.loads(json.dumps(score_answers(question("Hamlet"), [answer("Hamlet")], 0.25).to_dict()))
    assert line["id"] == "q"
    assert line["references"] == ["Hamlet"]
    assert line["exact_match"] is True
    assert line["seconds"] == 0.25
    [found] = line["answers"]
    assert TEXT[found["start"] : found["end"]] == found["text"] == "Hamlet"
    assert found["document"]["id"] == "plays"


def test_score_span() -> None:
    span = {"text": "the William Shakespeare", "score": 1.0, "start": 0, "end": 3}
    result = score_span(question("William Shakespeare"), span)
    assert (result.exact_match, result.f1, result.first_exact_rank) == (True, 1.0, 1)
    assert (result.right_paragraph, result.seconds, result.first_context_rank) == (None, None, None)


def test_references_may_be_patterns() -> None:
    asked = replace(question(r"(william\s+)?shakes?peare", context=None), is_pattern=True)
    found = [answer("Hamlet"), answer("William Shakespeare"), answer("Macbeth", 1)]
    result = score_answers(asked, found, 0, [answer("Macbeth", 1), answer("Hamlet")])
    assert (result.exact_match, result.f1, result.first_exact_rank) == (False, 0.0, 2)
    assert (result.first_context_rank, result.first_paragraph_rank) == (1, 2)
    best = score_answers(asked, found[1:], 0)
    assert (best.exact_match, best.f1, best.first_exact_rank) == (True, 1.0, 1)
    assert score_span(asked, {"text": "Shakespeare, William"}).exact_match
    assert not score_span(asked, None).exact_match
