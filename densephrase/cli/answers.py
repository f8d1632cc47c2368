"""Answers for people: the phrase highlighted in its context, with its source and its score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from densephrase.cli.control_characters import CONTROLS, REORDERING
from densephrase.data import SCORE_PARTS, Answer, Evidence, Passage

if TYPE_CHECKING:
    from rich.text import Text

_AROUND = 200  # characters shown on each side of a phrase
_LONGEST = 600  # characters shown of a phrase: a whole paragraph or document can be an answer
_MATCHES = 12  # shown of an explained answer
_SPACE = re.compile(r"\s")
_STEERING = re.compile(f"[{CONTROLS}{REORDERING}]")


def render(question: str, answers: Sequence[Answer]) -> Text:
    """Return a question and its answers, styled; all text is shown verbatim, without any markup."""
    from rich.text import Text

    text = Text(overflow="fold")
    text.append(one_line(question), style="bold")
    text.append("\n")
    if not answers:
        text.append("   no answer found\n", style="dim")
    for rank, answer in enumerate(answers, start=1):
        _append(text, rank, answer)
    return text


def _append(text: Text, rank: int, answer: Answer) -> None:
    before, phrase, after = excerpt(answer)
    text.append(f"{rank:>2}. ")
    text.append(_shorten(one_line(answer.text)), style="bold green")
    text.append("\n    ")
    text.append(before)
    text.append(phrase, style="bold black on yellow")
    text.append(after)
    text.append("\n    ")
    text.append(source(answer), style="cyan")
    text.append(f"  {explain(answer)}\n", style="dim")
    for line in matches(answer.evidence[0]):
        text.append(f"      {line}\n", style="dim")


def source(found: Answer | Passage) -> str:
    """Return the title and id of the document that something was found in, and its span there."""
    title = found.document.title
    name = found.document.id if title in ("", found.document.id) else f"{title} ({found.document.id})"
    return f"{one_line(name)} [{found.start}:{found.end}]"


def explain(answer: Answer) -> str:
    """Return the confidence, where there is one, and the score with the terms that it is the sum of."""
    parts = [(part.replace("_", " "), getattr(answer.parts, part)) for part in SCORE_PARTS]
    terms = ", ".join(f"{name} {value:.2f}" for name, value in parts if value)
    score = f"score {answer.score:.2f} ({terms})" if terms else f"score {answer.score:.2f}"
    return score if answer.confidence is None else f"confidence {100 * answer.confidence:.0f} %, {score}"


def matches(evidence: Evidence) -> list[str]:
    """Return a table of what an explained phrase shares with the question, strongest first; nothing for others."""
    rows: list[tuple[str, str, str, float]] = [
        (match.side, "unigram" if match.order == 1 else "bigram", match.ngram, match.contribution)
        for match in evidence.sparse_matches or ()
    ]
    rows += [("paragraph", "term", match.term, match.paragraph) for match in evidence.term_matches or ()]
    rows += [("document", "term", match.term, match.document) for match in evidence.term_matches or ()]
    found = sorted((row for row in rows if row[3]), key=lambda row: -row[3])
    table = [f"{side:<9}  {kind:<7}  {value:>6.2f}  {one_line(name)}" for side, kind, name, value in found[:_MATCHES]]
    rest = sum(value for *_, value in found[_MATCHES:])
    return [*table, f"and {len(found) - _MATCHES} more  {rest:>6.2f}"] if len(found) > _MATCHES else table


def excerpt(answer: Answer) -> tuple[str, str, str]:
    """Return what stands before the phrase, the phrase and what stands after it, cut at words and marked where cut."""
    evidence = answer.evidence[0]
    context = one_line(evidence.context)
    start, end = evidence.start - evidence.paragraph_start, evidence.end - evidence.paragraph_start
    before, after = context[:start], context[end:]
    if len(before) > _AROUND:
        before = "\u2026 " + before[-_AROUND:].partition(" ")[2]
    if len(after) > _AROUND:
        after = after[:_AROUND].rpartition(" ")[0] + " \u2026"
    return before, _shorten(context[start:end]), after


def _shorten(text: str) -> str:
    """Cut a very long phrase in its middle."""
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} \u2026 {text[-half:]}"


def one_line(text: str) -> str:
    """Put a text on one line and take out what could steer a terminal; the length stays the same."""
    return _STEERING.sub("\ufffd", _SPACE.sub(" ", text))
