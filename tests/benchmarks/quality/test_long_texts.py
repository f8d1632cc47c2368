"""Long texts: what is written, and which questions are asked."""

from __future__ import annotations

import pytest

from benchmarks.quality.long_texts import TEXTS, questions_about
from densephrase.corpus.cutting.paragraphs import split_paragraphs
from densephrase.data import Document, Question

DOCUMENTS = [Document("a", "One town. Two mills.\n\nThree men came."), Document("b", "Four went.")]


@pytest.mark.parametrize("name", [name for name, write in TEXTS.items() if write is not None])
def test_a_long_text_has_no_blank_lines_and_all_words(name: str) -> None:
    write = TEXTS[name]
    assert write is not None
    text = write(DOCUMENTS)
    assert len(split_paragraphs(text)) == 1
    assert all(sentence in text for sentence in ("One town.", "Two mills.", "Three men came."))


def test_only_questions_about_the_documents_are_asked() -> None:
    questions = [Question("1", "How many?", context="Three men came."), Question("2", "Who?", context="Nobody came.")]
    assert [question.id for question in questions_about(DOCUMENTS, questions)] == ["1"]
