"""Made-up paragraphs with questions about them, and settings to train on them in no time."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from densephrase.data import Question
from densephrase.training.loop.settings import LoopConfig
from densephrase.training.phrase.config import TrainingConfig

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
        "sparc_size": 8,
        "head_hidden_size": 16,
        "filter_size": 24,
        "filter_epochs": 2.0,
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


def write_facts(path: Path) -> Path:
    """Write the questions as JSON lines."""
    rows = [
        {
            "id": fact.id,
            "question": fact.text,
            "answers": [{"text": fact.answers[0], "answer_start": fact.answer_starts[0]}],
            "title": fact.title,
            "context": fact.context,
        }
        for fact in make_facts()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_flags(settings: LoopConfig) -> list[str]:
    """Return the flags of the command line that give these settings."""
    usual = type(settings)()
    given = {item.name: getattr(settings, item.name) for item in fields(settings)}
    return [
        part
        for name, value in given.items()
        if value != getattr(usual, name)
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]
