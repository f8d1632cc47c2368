"""Passages for people: the beginning of each, with its source and its score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from densephrase.cli.answers import one_line, source
from densephrase.data import Passage

if TYPE_CHECKING:
    from rich.text import Text

_SHOWN = 400  # characters of a passage
_TERMS = 12  # shown of an explained passage


def render_passages(question: str, passages: Sequence[Passage]) -> Text:
    """Return a question and its passages, styled; all text is shown verbatim, without any markup."""
    from rich.text import Text

    text = Text(overflow="fold")
    text.append(one_line(question), style="bold")
    text.append("\n")
    if not passages:
        text.append("   no passage found\n", style="dim")
    for rank, passage in enumerate(passages, start=1):
        text.append(f"{rank:>2}. ")
        text.append(_beginning(one_line(passage.text)))
        text.append("\n    ")
        text.append(source(passage), style="cyan")
        text.append(f"  {_score(passage)}\n", style="dim")
        if passage.term_matches is not None:
            terms = ", ".join(f"{one_line(one.term)} {one.paragraph:.2f}" for one in passage.term_matches[:_TERMS])
            text.append(f"      terms: {terms or 'none'}\n", style="dim")
    return text


def _beginning(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN].rpartition(" ")[0] + " \u2026"


def _score(passage: Passage) -> str:
    parts = ", ".join(f"{name} {value:.2f}" for name, value in passage.parts.items())
    return f"score {passage.score:.3f} ({parts})" if len(passage.parts) > 1 else f"score {passage.score:.3f}"
