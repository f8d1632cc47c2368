"""Last hidden states of a random sample of training windows, for what is fitted to a model that stands still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.data.examples import TrainingWindow


def sample_windows(windows: Sequence[TrainingWindow], most: int, seed: int) -> list[TrainingWindow]:
    """Return at most `most` windows in random order."""
    return [windows[number] for number in np.random.default_rng(seed).permutation(len(windows))[:most].tolist()]


def hidden_states(model: PhraseModel, windows: Sequence[TrainingWindow]) -> Tensor:
    """Return the last hidden states of windows that are read together, (windows, tokens, H)."""
    with torch.inference_mode():
        return model.hidden(*pad_batch([w.input_ids for w in windows], model.config.pad_token_id, model.device))
