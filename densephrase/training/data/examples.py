"""Training examples: windows of paragraphs with the questions whose answers they own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from densephrase.data import Question
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import TrainingError
from densephrase.terms.analyser import Analyser


@dataclass(frozen=True, slots=True)
class TrainingQuestion:
    """Ids of a question and its gold span: columns [start, end] of the window, both inclusive.

    `weight` says how often it counts in the losses; `teacher` holds a reader's start and end logits over the window's
    paragraph tokens, float16 [2, last - first]; `terms` are those that search would look up.
    """

    input_ids: list[int]
    start: int
    end: int
    weight: int = 1
    teacher: NDArray[np.float16] | None = None
    terms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TrainingWindow:
    """One row of the text side; paragraph tokens stand in the columns [first, last).

    `terms` are those that the term index of a search counts of its paragraph, which are its title's too. Windows of one
    paragraph overlap: `others` are the columns [start, end], both inclusive, of gold spans that another window owns.
    `paragraph` is the paragraph's number, -1 where it has no other window, `shift` what its tokens' numbers lack to the
    columns of this window.
    """

    article: str
    input_ids: list[int]
    first: int
    last: int
    questions: list[TrainingQuestion] = field(default_factory=list)
    terms: Sequence[str] = ()
    others: list[tuple[int, int]] = field(default_factory=list)
    paragraph: int = -1
    shift: int = 0


@dataclass(frozen=True, slots=True)
class TrainingExamples:
    """All windows that own a question, and how many questions were left out because no span fitted."""

    windows: list[TrainingWindow]
    skipped: int


def refuse_patterns(questions: Sequence[Question]) -> None:
    """Raise TrainingError for a question whose answers are regular expressions: they mark no text."""
    for question in questions:
        if question.is_pattern:
            raise TrainingError(
                f"The answers of question {question.id!r} are regular expressions, which can be evaluated but not "
                "trained on. Leave out its file, or its rows with 'regex'."
            )


def make_examples(
    questions: Sequence[Question], tokeniser: PhraseTokeniser, max_answer_tokens: int
) -> TrainingExamples:
    """Tokenise every paragraph once and give each question to the window that owns its answer's first token.

    A question that is given several times becomes one that counts as often in the losses.

    Raises TrainingError when a question has no context, has patterns for answers, or when nothing is left to train on.
    """
    refuse_patterns(questions)
    groups: dict[tuple[str, str], Counter[Question]] = {}
    for question in questions:
        if question.context is None:
            raise TrainingError(
                f"Question {question.id!r} has no context; training needs the paragraph of each question."
            )
        groups.setdefault((question.title, question.context), Counter())[question] += 1
    windows: list[TrainingWindow] = []
    analyser = Analyser()
    placed = 0
    for number, ((title, context), group) in enumerate(groups.items()):
        made = _windows(number, ParagraphInput(context, title), group, tokeniser, analyser, max_answer_tokens)
        placed += sum(question.weight for window in made for question in window.questions)
        windows.extend(window for window in made if window.questions)
    if not windows:
        raise TrainingError(
            f"None of the {len(questions)} questions has an answer with a known offset: nothing to train on."
        )
    return TrainingExamples(windows, len(questions) - placed)


def _windows(
    number: int,
    text: ParagraphInput,
    questions: Mapping[Question, int],
    tokeniser: PhraseTokeniser,
    analyser: Analyser,
    max_answer_tokens: int,
) -> list[TrainingWindow]:
    tokenised = tokeniser.paragraphs([text])
    offsets = tokenised.offsets[0]
    terms = [*analyser.terms(text.title), *analyser.terms(text.text)]  # as `densephrase.terms.term_writer` counts them
    paragraph = number if len(tokenised.windows) > 1 else -1
    made = [
        TrainingWindow(
            text.title,
            row.input_ids,
            row.first,
            len(row.input_ids) - 1,
            terms=terms,
            paragraph=paragraph,
            shift=row.first - row.window_start,
        )
        for row in tokenised.windows
    ]
    asked = list(questions)
    ids = tokeniser.questions([question.text for question in asked])
    for (question, weight), question_ids in zip(questions.items(), ids, strict=True):
        span = _token_span(question, offsets)
        if span is None or span[1] - span[0] >= max_answer_tokens:
            continue
        for row, window in zip(tokenised.windows, made, strict=True):
            start, end = span[0] + window.shift, span[1] + window.shift
            if not window.first <= start <= end < window.last:
                continue
            if row.own_start <= span[0] < row.own_end:
                asked_terms = analyser.terms(question.text)
                window.questions.append(TrainingQuestion(question_ids, start, end, weight, terms=asked_terms))
            else:
                window.others.append((start, end))
    return made


def _token_span(question: Question, offsets: NDArray[np.int32]) -> tuple[int, int] | None:
    """Return the first and last token that touch the first marked answer; None when there is none."""
    for text, start in zip(question.answers, question.answer_starts, strict=True):
        if start < 0 or not text:
            continue
        touched = np.flatnonzero((offsets[:, 1] > start) & (offsets[:, 0] < start + len(text)))
        if len(touched):
            return int(touched[0]), int(touched[-1])
    return None
