"""Settings of a passage encoder's training that takes no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from densephrase.training.retriever.config import RetrieverTrainingConfig


def make_retriever_settings(backbone: Path, **changes: Any) -> RetrieverTrainingConfig:
    """Return settings for a tiny backbone: six steps of four questions, each with a BM25 negative."""
    settings = {
        "backbone": str(backbone),
        "max_passage_tokens": 40,
        "max_question_tokens": 20,
        "training_tokens": 40,
        "max_steps": 6,
        "batch_questions": 4,
        "negatives_kept": 3,
        "held_out_articles": 0,
        "precision": "float32",
    }
    return RetrieverTrainingConfig(**{**settings, **changes})
