"""Questions robbed of their answer."""

from __future__ import annotations

import re

from densephrase.data import Question
from densephrase.training.data.unanswerable import make_unanswerable

BIRTH = "Tesla was born in Smiljan in 1856."
DEATH = "Tesla died in New York in 1943."
LATER = "In 1943 a court said that Tesla, born abroad, had been first."
OTHER = "Edison was born in Milan in 1847."


def question(identity: str, text: str, context: str | None, answer: str, title: str = "Nikola Tesla") -> Question:
    return Question(identity, text, (answer,), (-1,), title, context)


def words(text: str) -> list[str]:
    return re.findall(r"\w{4,}", text.lower())


ASKED = [
    question("birth", "Where was Tesla born?", BIRTH, "Smiljan"),
    question("death", "Where had Tesla died?", DEATH, "New York"),
    question("court", "When was Tesla first?", LATER, "1943"),
    question("edison", "Where was Edison born?", OTHER, "Milan", "Thomas Edison"),
    question("open", "Where was Tesla born?", None, "Smiljan"),
]


def test_a_question_moves_to_the_paragraph_that_shares_most_terms_and_lacks_its_answer() -> None:
    moved = {one.id: one for one in make_unanswerable(ASKED, words)}
    assert moved["birth-moved"].context == LATER  # it shares "born" too
    assert moved["death-moved"].context == BIRTH  # of two that share as much, the first
    assert moved["court-moved"].context == BIRTH  # the other holds 1943
    assert all(one.answers == one.answer_starts == () for one in moved.values())
    assert moved["birth-moved"].text == "Where was Tesla born?"


def test_a_question_alone_in_its_article_is_left_out() -> None:
    assert not {"edison-moved"} & {one.id for one in make_unanswerable(ASKED, words)}


def test_paragraphs_of_other_articles_are_never_taken() -> None:
    assert OTHER not in {one.context for one in make_unanswerable(ASKED[:3] + ASKED[4:] + ASKED[3:4], words)}
