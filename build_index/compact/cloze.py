"""Cloze questions: sentences of the corpus with a few words left out, as a sample of questions to fit codes to.

Codes are fitted to the products of rows with questions, and a build knows no questions. A sentence in which "what"
stands for a few words asks for nearly the same directions.
"""

from __future__ import annotations

import re

import numpy as np

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_MOST_WORDS = 14  # of a question
_MOST_LEFT_OUT = 3  # words


def cloze_question(text: str, random: np.random.Generator) -> str:
    """Return one of the sentences of a paragraph as a question for one to three of its words."""
    sentences = _SENTENCE_END.split(text)
    words = sentences[int(random.integers(len(sentences)))].rstrip(".!?").split()[:_MOST_WORDS]
    left_out = int(random.integers(1, max(2, min(_MOST_LEFT_OUT + 1, len(words)))))
    place = int(random.integers(0, max(1, len(words) - left_out)))
    return " ".join([*words[:place], "what", *words[place + left_out :]]) + "?"
