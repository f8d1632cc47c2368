"""How answers look on a terminal: verbatim text, the phrase marked, nothing that steers the terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from densephrase.cli.answers import excerpt, explain, matches, one_line, render, source
from densephrase.data import Answer, Document, Evidence, ScoreParts, SparseMatch, TermMatch

PARTS = ScoreParts(1.5, 2.0, 0.0, 3.25, 0.0)


def answer(text: str, phrase: str, title: str = "", identity: str = "d1") -> Answer:
    """Return the answer that a phrase of a document of one paragraph is."""
    start = text.index(phrase)
    document = Document(identity, text, title)
    return Answer((Evidence(document, start, start + len(phrase), 0, len(text), PARTS.total, PARTS),))


def draw(question: str, answers: list[Answer], colours: bool = False) -> str:
    """Return what a console shows."""
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=colours,
        color_system="standard" if colours else None,
        markup=True,  # the worst setting: a Text must be safe anyway
        highlight=False,
        soft_wrap=True,
    )
    console.print(render(question, answers))
    return file.getvalue()


def test_question_answer_context_source_and_score_are_shown() -> None:
    shown = draw("Who wrote it?", [answer("Hamlet is by Shakespeare.", "Shakespeare", "Plays")])
    assert shown.splitlines()[:4] == [
        "Who wrote it?",
        " 1. Shakespeare",
        "    Hamlet is by Shakespeare.",
        "    Plays (d1) [13:24]  score 6.75 (dense start 1.50, dense end 2.00, paragraph terms 3.25)",
    ]


def test_the_phrase_is_highlighted_in_its_context() -> None:
    shown = draw("?", [answer("Hamlet is by Shakespeare.", "Shakespeare")], colours=True)
    assert "Hamlet is by \x1b[1;30;43mShakespeare\x1b[0m." in shown


def test_no_colours_without_a_terminal() -> None:
    assert "\x1b" not in draw("?", [answer("Hamlet is by Shakespeare.", "Shakespeare")])


@pytest.mark.parametrize("text", ["[bold]x[/bold]", "[/]", "[link=http://x]y[/link]", ":smile: [1] \\[x]", "a [] b"])
def test_brackets_stand_verbatim(text: str) -> None:
    shown = draw(text, [answer(f"before {text} after", text, title=text, identity=text)])
    assert shown.count(text) == 4


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    text = "a \x1b[31mred\x1b[0m \x9b1m \x07 \u202ebackwards"
    shown = draw(text, [answer(text, "red", title=text, identity=text)])
    assert not set("\x1b\x9b\x07\u202e") & set(shown)
    assert "\ufffd[31mred\ufffd[0m" in shown


def test_no_answers() -> None:
    assert "no answer found" in draw("?", [])


def test_a_long_context_is_cut_at_words_around_the_phrase() -> None:
    text = "word " * 100 + "PHRASE" + " word" * 100
    before, phrase, after = excerpt(answer(text, "PHRASE"))
    assert phrase == "PHRASE"
    assert before.startswith("\u2026 word ")
    assert after.endswith(" word \u2026")
    assert len(before) <= 202
    assert len(after) <= 202


def test_a_short_context_is_whole() -> None:
    assert excerpt(answer("one two three", "two")) == ("one ", "two", " three")


def test_a_very_long_phrase_is_cut_in_its_middle() -> None:
    _, phrase, _ = excerpt(answer("x" * 5000, "x" * 5000))
    assert len(phrase) < 700
    assert "\u2026" in phrase


@pytest.mark.parametrize(
    ("title", "identity", "expected"),
    [("Plays", "p.txt", "Plays (p.txt) [0:1]"), ("", "p.txt", "p.txt [0:1]"), ("p.txt", "p.txt", "p.txt [0:1]")],
    ids=["title and id", "no title", "title is the id"],
)
def test_source(title: str, identity: str, expected: str) -> None:
    assert source(answer("abc", "a", title, identity)) == expected


def test_explain_leaves_out_terms_that_are_nought() -> None:
    assert explain(answer("abc", "a")) == "score 6.75 (dense start 1.50, dense end 2.00, paragraph terms 3.25)"


@given(st.text())
def test_visible_keeps_the_length_and_one_line(text: str) -> None:
    shown = one_line(text)
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1


def test_explained_answers_show_what_they_share_with_the_question() -> None:
    sparse = SparseMatch("wrote\x1b Hamlet", "end", 2, 0, 12, 0.5, 3.0, 1.5)
    evidence = replace(
        answer("abc", "a").evidence[0], sparse_matches=(sparse,), term_matches=(TermMatch("wrote", 2.25, 0.0),)
    )
    shown = draw("?", [Answer((evidence,))]).splitlines()
    assert shown[-3:-1] == [
        "      paragraph  term       2.25  wrote",
        "      end        bigram     1.50  wrote\ufffd Hamlet",
    ]


def test_only_the_strongest_matches_are_shown() -> None:
    terms = tuple(TermMatch(f"t{number}", 1 + number, 0.5) for number in range(30))
    lines = matches(replace(answer("abc", "a").evidence[0], sparse_matches=(), term_matches=terms))
    assert len(lines) == 13
    assert lines[0].endswith("t29")
    assert lines[12] == f"and 48 more  {sum(range(1, 19)) + 30 * 0.5:>6.2f}"
