"""Labelled answers to fit a confidence to: right, wrong, and those to questions robbed of their answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from densephrase.confidence.fit import Judged, LaterAnswer
from densephrase.confidence.model import Candidate, Rival, answer_features
from densephrase.corpus.files.articles import plain_title
from densephrase.data import Answer, Question
from densephrase.evaluation.closed import closed_borders, closed_features, closed_spans
from densephrase.metrics import exact_match_and_f1

if TYPE_CHECKING:
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder


def judge_open(
    search: Callable[[str, Sequence[str]], Sequence[Answer]],
    questions: Sequence[Question],
    documents: Mapping[str, Sequence[str]],
) -> Iterator[Judged]:
    """Yield the answers to each question, and those without the documents of the question's title.

    `search` takes a question and the ids of documents to leave out, and must return the best `RIVALS` answers with
    evidence from the best `SPANS` phrases. Without its documents a question counts as unanswerable, but an answer that
    still matches, because another document says it too, counts as right.
    """
    for question in questions:
        own = documents[plain_title(question.title)]
        for left_out in ((), own):
            answers = search(question.text, left_out)
            if answers:
                features = answer_features(question.text, Candidate.of(answers[0]), [Rival.of(one) for one in answers])
                right, overlap = _judge(question, answers[0].text)
                later = [
                    LaterAnswer(one.score - answers[0].score, _judge(question, one.text)[0]) for one in answers[1:]
                ]
                yield Judged(features, right, overlap, not left_out, later)


def judge_closed(encoder: PhraseEncoder, questions: Sequence[Question]) -> Iterator[Judged]:
    """Yield the best answer to each question from its own paragraph; those without references are unanswerable."""
    for question, spans in closed_spans(encoder, questions):
        best = spans.best()
        if best is not None:
            text = (question.context or "")[slice(*closed_borders(question, spans, best))]
            right, overlap = _judge(question, text)
            yield Judged(closed_features(question, spans, best), right, overlap, answerable=bool(question.answers))


def _judge(question: Question, text: str) -> tuple[bool, float]:
    return exact_match_and_f1(text, question.answers, patterns=question.is_pattern)
