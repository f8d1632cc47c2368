"""Questions without an answer, made from questions with one: each is asked of another paragraph of its article."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from densephrase.data import Question
from densephrase.metrics import has_answer


def make_unanswerable(questions: Sequence[Question], terms: Callable[[str], Sequence[str]]) -> list[Question]:
    """Move each question to the paragraph of its article that shares most of its terms and lacks its answers.

    The idea is that of SQuAD v2.0 (Rajpurkar et al. 2018, section 3): a question without an answer should look as if
    the paragraph could answer it. Ties go to the paragraph that comes first. A question is left out where no paragraph
    of its article, among those that `questions` name, lacks its answers.
    """
    articles: dict[str, dict[str, set[str]]] = {}
    for question in questions:
        if question.context is not None:
            paragraphs = articles.setdefault(question.title, {})
            if question.context not in paragraphs:
                paragraphs[question.context] = set(terms(question.context))
    moved = []
    for question in questions:
        context = _likeliest(question, set(terms(question.text)), articles.get(question.title, {}))
        if context is not None:
            moved.append(replace(question, id=f"{question.id}-moved", context=context, answers=(), answer_starts=()))
    return moved


def _likeliest(question: Question, wanted: set[str], paragraphs: dict[str, set[str]]) -> str | None:
    """Return the paragraph with most of the wanted terms that lacks the question's answers."""
    for context in sorted(paragraphs, key=lambda context: -len(wanted & paragraphs[context])):
        if context != question.context and not has_answer(context, question.answers):
            return context
    return None
