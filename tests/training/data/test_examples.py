"""Examples: answers become spans of tokens, and what cannot be used is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from densephrase.data import Question
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import TrainingError
from densephrase.training.data.examples import TrainingWindow, make_examples, refuse_patterns
from tests.conftest import make_config, make_tokenizer
from tests.training.facts import make_facts

TEXT = "The king (Louis XVI) was born in 1754 by the river. " * 3


@pytest.fixture(scope="module")
def tokeniser() -> PhraseTokeniser:
    tokenizer = make_tokenizer()
    return PhraseTokeniser(tokenizer, make_config(tokenizer))


def ask(answer: str, start: int, context: str | None = TEXT, title: str = "War", identity: str = "q") -> Question:
    return Question(identity, "who was king", (answer,), (start,), title, context)


def answer_of(window: TrainingWindow, tokeniser: PhraseTokeniser) -> str:
    [question] = window.questions
    return str(tokeniser.tokenizer.decode(window.input_ids[question.start : question.end + 1]))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("king", "king"),
        ("1754", "1754"),
        ("Louis", "louis"),
        ("(Louis", "( louis"),
        ("75", "75"),
        (" king ", "king"),
    ],
    ids=["word", "pieces", "case", "bracket", "inside a word", "spaces around"],
)
def test_an_answer_becomes_the_tokens_it_touches(answer: str, expected: str, tokeniser: PhraseTokeniser) -> None:
    for start in (TEXT.index(answer), TEXT.rindex(answer)):
        examples = make_examples([ask(answer, start)], tokeniser, 6)
        [window] = examples.windows
        found = answer_of(window, tokeniser).replace("##", "")
        assert found == expected
        assert examples.skipped == 0


def test_windows_hold_title_and_tokens(tokeniser: PhraseTokeniser) -> None:
    [window] = make_examples([ask("king", 4)], tokeniser, 6).windows
    title = tokeniser.tokenizer.encode("War", add_special_tokens=False).ids
    own = tokeniser.tokenizer.encode(TEXT, add_special_tokens=False).ids
    assert window.input_ids[: window.first] == [2, *title, 3]
    assert window.input_ids[window.first : window.last] == own[: window.last - window.first]
    assert window.input_ids[window.last :] == [3]
    assert window.article == "War"


def test_each_question_goes_to_one_window(tokeniser: PhraseTokeniser) -> None:
    starts = [at for at in range(len(TEXT)) if TEXT.startswith("king", at) or TEXT.startswith("river", at)]
    questions = [ask(TEXT[at : at + 4], at, identity=str(at)) for at in starts]
    examples = make_examples(questions, tokeniser, 6)
    assert sum(len(window.questions) for window in examples.windows) == len(starts) == 6
    assert len(examples.windows) > 1


def test_questions_of_a_paragraph_share_its_window(tokeniser: PhraseTokeniser) -> None:
    examples = make_examples(make_facts(), tokeniser, 6)
    assert [len(window.questions) for window in examples.windows] == [2] * 8


@pytest.mark.parametrize(
    "useless",
    [
        ask("king (Louis XVI) was born", 4),
        ask("king", -1),
        replace(ask("king", 4), answers=(), answer_starts=()),
        ask("", 4),
        ask("   ", 3000),
    ],
    ids=["too long", "offset unknown", "no answer", "empty answer", "outside"],
)
def test_questions_without_a_usable_span_are_counted(useless: Question, tokeniser: PhraseTokeniser) -> None:
    examples = make_examples([useless, ask("river", TEXT.index("river"))], tokeniser, 5)
    assert examples.skipped == 1
    assert sum(len(window.questions) for window in examples.windows) == 1
    with pytest.raises(TrainingError, match="None of the 1 questions"):
        make_examples([useless], tokeniser, 5)


def test_the_first_answer_with_an_offset_counts(tokeniser: PhraseTokeniser) -> None:
    question = replace(ask("x", -1), answers=("x", "1754", "king"), answer_starts=(-1, TEXT.index("1754"), 4))
    [window] = make_examples([question], tokeniser, 6).windows
    assert answer_of(window, tokeniser).replace("##", "") == "1754"


def test_a_question_without_context_is_named(tokeniser: PhraseTokeniser) -> None:
    with pytest.raises(TrainingError, match="'q7' has no context"):
        make_examples([ask("king", 4), ask("king", 4, context=None, identity="q7")], tokeniser, 6)


def test_no_questions_at_all(tokeniser: PhraseTokeniser) -> None:
    with pytest.raises(TrainingError, match="None of the 0 questions"):
        make_examples([], tokeniser, 6)


def test_a_question_given_twice_is_one_that_counts_twice(tokeniser: PhraseTokeniser) -> None:
    facts = make_facts()
    once, twice = (make_examples(questions, tokeniser, 6) for questions in (facts, [*facts, *facts[:2]]))
    assert [len(window.questions) for window in twice.windows] == [len(window.questions) for window in once.windows]
    weights = [question.weight for window in twice.windows for question in window.questions]
    assert sorted(weights) == sorted([2, 2, *[1] * (len(facts) - 2)])
    assert once.skipped == twice.skipped == 0


def test_patterns_are_not_trained_on(tokeniser: PhraseTokeniser) -> None:
    questions = [ask("king", 4), replace(ask("k.ng", -1, identity="q7"), is_pattern=True)]
    with pytest.raises(TrainingError, match=r"question 'q7' are regular expressions.*Leave out"):
        make_examples(questions, tokeniser, 10)
    with pytest.raises(TrainingError, match="'q7'"):
        refuse_patterns(questions)
