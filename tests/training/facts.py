"""Made-up paragraphs with questions about them, and settings to train on them in no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from densephrase.data import Question
from densephrase.training.config import TrainingConfig

_PLACES = ["paris", "london", "city b", "river k", "city x9", "river z", "london 7", "paris q"]
_TITLES = ["war", "war", "king", "king", "queen_a", "queen_a", "", "city"]


def make_facts() -> list[Question]:
    """Return two questions about each of eight paragraphs; the answers' offsets are marked."""
    questions = []
    for number, (place, title) in enumerate(zip(_PLACES, _TITLES, strict=True)):
        year = f"{17 + number}{9 - number}"
        text = f"king {'abcdefgh'[number]} was born in {year}, and the war was in {place} by the queen"
        for name, asked, answer in (
            ("when", f"when was king {'abcdefgh'[number]} born", year),
            ("where", f"where was the war of king {'abcdefgh'[number]}", place),
        ):
            questions.append(Question(f"{name}-{number}", asked, (answer,), (text.index(answer),), title, text))
    return questions


def make_settings(backbone: Path, **changes: Any) -> TrainingConfig:
    """Return settings for a tiny backbone: six steps of four paragraphs."""
    settings = {
        "backbone": str(backbone),
        "vector_size": 32,
        "coherency_rank": 4,
        "head_hidden_size": 16,
        "max_title_tokens": 4,
        "max_tokens": 40,
        "max_answer_tokens": 6,
        "max_steps": 6,
        "batch_paragraphs": 4,
        "article_paragraphs": 2,
        "held_out_articles": 0,
        "precision": "float32",
    }
    return TrainingConfig(**{**settings, **changes})
