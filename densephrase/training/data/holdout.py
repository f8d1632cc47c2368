"""The held-out articles: chosen by a hash of the title, so that every run and every machine agrees."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from densephrase.corpus.files.articles import plain_title
from densephrase.data import Question
from densephrase.errors import TrainingError

_ARTICLE = 5  # paragraphs: a title with fewer is a single paragraph of Natural Questions rather than an article


Row = TypeVar("Row")


def split_by_title(questions: Sequence[Question], articles: int) -> tuple[list[Question], list[Question]]:
    """Split questions into (rest, held out); held out are the `articles` articles of the smallest title hashes."""
    return split_by_article(questions, articles, lambda question: (question.title, question.context))


def split_by_article(
    rows: Sequence[Row], articles: int, place: Callable[[Row], tuple[str, str | None]]
) -> tuple[list[Row], list[Row]]:
    """Split whatever is asked as `split_by_title` does; `place` gives the title and the text of its paragraph."""
    places = [place(row) for row in rows]
    paragraphs: dict[str, set[str | None]] = {}
    for title, context in places:
        paragraphs.setdefault(title, set()).add(context)
    titles = sorted((title for title, contexts in paragraphs.items() if len(contexts) >= _ARTICLE), key=_digest)
    held_out = set(titles[:articles])
    rest = [row for row, (title, _) in zip(rows, places, strict=True) if title not in held_out]
    return rest, [row for row, (title, _) in zip(rows, places, strict=True) if title in held_out]


def split_for_training(questions: Sequence[Question], articles: int) -> tuple[list[Question], list[Question]]:
    """Split questions as `split_by_title` does; TrainingError when the held-out ones are all there are."""
    rest, held_out = split_by_title(questions, articles)
    check_some_left(rest, held_out, articles)
    return rest, held_out


def check_some_left(rest: Sequence[Any], held_out: Sequence[Any], articles: int) -> None:
    """Raise TrainingError when so many held-out articles leave nothing to train on."""
    if held_out and not rest:
        raise TrainingError(
            f"All {len(held_out)} questions are about articles that held_out_articles={articles} keeps out of "
            "training; lower it."
        )


def held_out_articles(trained: Mapping[str, Any]) -> int | None:
    """Return how many articles the training of an encoder left out, None where its configuration does not say."""
    settings = trained.get("settings")
    articles = settings.get("held_out_articles") if isinstance(settings, Mapping) else None
    return articles if isinstance(articles, int) else None


def check_held_out(trained: Mapping[str, Any], articles: int) -> None:
    """Raise TrainingError when an encoder was trained on some of so many articles."""
    known = held_out_articles(trained)
    if known is not None and known < articles:
        raise TrainingError(
            f"The encoder was trained with held_out_articles={known}: of {articles} articles it has seen some, and "
            f"what it remembers of them is no measure. Hold out at most {known}."
        )


def _digest(title: str) -> str:
    return hashlib.sha256(plain_title(title).encode()).hexdigest()
