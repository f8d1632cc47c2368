"""A tiny reader of fixed random weights, and settings to train one in no time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from densephrase.encoder.backbone import new_backbone
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.reader.extractive_reader import ExtractiveReader
from densephrase.reader.model import ReaderModel
from densephrase.training.reader.config import ReaderTrainingConfig
from tests.conftest import make_config, make_tokenizer


def make_reader(seed: int = 7) -> ExtractiveReader:
    """Return a reader of random weights, for inputs of at most 64 tokens."""
    tokenizer = make_tokenizer()
    config = make_config(tokenizer, max_tokens=48)
    torch.manual_seed(seed)
    model = ReaderModel(new_backbone(config.backbone))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return ExtractiveReader(model, PhraseTokeniser(tokenizer, config), config)


def make_reader_settings(backbone: Path, **changes: Any) -> ReaderTrainingConfig:
    """Return settings for a tiny backbone: six steps of four questions."""
    settings = {
        "backbone": str(backbone),
        "max_tokens": 60,
        "max_answer_tokens": 6,
        "max_steps": 6,
        "batch_questions": 4,
        "held_out_articles": 0,
        "precision": "float32",
    }
    return ReaderTrainingConfig(**{**settings, **changes})
