"""The state of a phrase encoder's training, which its stages hand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from densephrase.data import Question
from densephrase.encoder.device import find_device
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.training.data.examples import TrainingExamples, TrainingWindow, make_examples
from densephrase.training.data.holdout import split_for_training
from densephrase.training.finish.calibration import Calibration
from densephrase.training.loop.checkpoint import TrainingProgress
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.new_model import new_model


@dataclass(slots=True)
class PhraseRun:
    """A model on its way to an encoder, and what it learns from."""

    questions: Sequence[Question]
    folder: Path
    config: TrainingConfig
    device: torch.device
    model: PhraseModel
    tokeniser: PhraseTokeniser
    examples: TrainingExamples
    windows: Sequence[TrainingWindow]  # those of the examples, with a teacher's logits where there is one
    calibration_windows: Sequence[TrainingWindow]  # held-out ones where there are any
    initial: Mapping[str, Tensor] = field(default_factory=dict)  # weights before the first step, where they are mixed
    progress: TrainingProgress = field(default_factory=TrainingProgress)
    calibration: Calibration = field(init=False)
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(cls, questions: Sequence[Question], folder: Path, config: TrainingConfig, device: str) -> PhraseRun:
        """Make the model and the examples; raises as `densephrase.training.phrase.trainer.train` does."""
        torch.manual_seed(config.seed)
        model, tokeniser = new_model(config)
        kept, held_out = split_for_training(questions, config.held_out_articles)
        examples = make_examples(kept, tokeniser, config.max_answer_tokens)
        apart = make_examples(held_out, tokeniser, config.max_answer_tokens) if held_out else examples
        place = find_device(device)
        return cls(
            questions=questions,
            folder=folder,
            config=config,
            device=place,
            model=model.to(place).eval(),
            tokeniser=tokeniser,
            examples=examples,
            windows=examples.windows,
            calibration_windows=apart.windows,
        )
