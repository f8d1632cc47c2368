"""Question heads under fine-tuning: the tuned weights, the initial ones, and those of the best epoch."""

from __future__ import annotations

import copy
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import QuestionVectors
from densephrase.encoder.files.stored_weights import WEIGHTS_FILE, Precision
from densephrase.encoder.files.weights import replace_weights, rounded_weights
from densephrase.encoder.phrase.model import PhraseModel, QuestionHead
from densephrase.encoder.tokens.fast_tokenizer import TOKENIZER_FILE
from densephrase.training.query_side.questions import FrozenQuestion, pad_states

_LIGHT = (".bias", ".attention.weight")


class HeadPair(nn.Module):
    """Copies of a model's two question heads; they make the vectors that the model makes of the same states."""

    def __init__(self, model: PhraseModel) -> None:
        super().__init__()
        self.question_start: QuestionHead = copy.deepcopy(model.question_start)
        self.question_end: QuestionHead = copy.deepcopy(model.question_end)
        self._scale = model.config.vector_size**-0.5

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Map states (questions, tokens, hidden_size) and mask to start and end vectors (questions, vector_size)."""
        return self.question_start(hidden, mask) * self._scale, self.question_end(hidden, mask) * self._scale


class TunedHeads(nn.Module):
    """The heads being tuned, with what a run must remember of them; its state is all that a checkpoint needs."""

    exact_match: Tensor  # (epochs + 1,) of unseen questions, per cent: before, and after each epoch; NaN: not yet

    def __init__(self, model: PhraseModel, epochs: int, weights: str) -> None:
        super().__init__()
        self.heads, self.initial, self.best = HeadPair(model), HeadPair(model), HeadPair(model)
        for pair in (self.initial, self.best):
            pair.requires_grad_(False)
        for name, parameter in self.heads.named_parameters():
            parameter.requires_grad_(weights == "all" or name.endswith(_LIGHT))
        self.register_buffer("exact_match", torch.full((epochs + 1,), math.nan, dtype=torch.float64))

    def drift(self) -> Tensor:
        """Return the squared distance of the tuned weights from the initial ones."""
        pairs = zip(self.heads.parameters(), self.initial.parameters(), strict=True)
        return torch.stack([(tuned - initial).square().sum() for tuned, initial in pairs]).sum()

    def stored(self, precision: Precision) -> HeadPair:
        """Return the tuned heads as they come back from a file of that precision."""
        heads = copy.deepcopy(self.heads).requires_grad_(False)
        if precision == "int8":
            heads.load_state_dict(self.initial.state_dict() | rounded_weights(_changes(heads, self.initial)))
        return heads

    def remember(self, epoch: int, exact_match: float, heads: HeadPair) -> None:
        """Note how good the heads are after an epoch (0: before the first), and keep them if none were better."""
        former = self.exact_match[:epoch].tolist()
        self.exact_match[epoch] = exact_match
        if exact_match > max(former, default=-1.0):
            self.best.load_state_dict(heads.state_dict())

    @property
    def best_epoch(self) -> int:
        """The epoch that `best` is of: the first of the best ones."""
        return int(self.exact_match.nan_to_num(-1.0).argmax())


def question_vectors(heads: HeadPair, questions: Sequence[FrozenQuestion]) -> QuestionVectors:
    """Return the questions' vectors for search."""
    with torch.inference_mode():
        start, end = heads(*pad_states(questions, next(heads.parameters()).device))
    sparse = [item.ngrams for item in questions if item.ngrams is not None]
    return QuestionVectors(start.float().cpu().numpy(), end.float().cpu().numpy(), tuple(sparse) if sparse else None)


def write_tuned_encoder(source: Path, target: Path, heads: TunedHeads, note: Mapping[str, Any]) -> None:
    """Write the encoder in `source` to `target` with the best heads, and `note` under "query_side" of its training.

    All other tensors and files keep their bytes. Changed heads change scores, so a fitted confidence is left out.
    """
    config = EncoderConfig.load(source)
    changes = _changes(heads.best, heads.initial)
    weights = replace_weights(source, changes) if changes else (source / WEIGHTS_FILE).read_bytes()
    (target / WEIGHTS_FILE).write_bytes(weights)
    shutil.copyfile(source / TOKENIZER_FILE, target / TOKENIZER_FILE)
    training = {**config.training, "query_side": dict(note)}
    replace(config, training=training, confidence={} if changes else config.confidence).save(target)


def _changes(heads: HeadPair, initial: HeadPair) -> dict[str, Tensor]:
    """Return the tensors of `heads` that are no longer the initial ones, under their names in a model."""
    former = initial.state_dict()
    return {name: value for name, value in heads.state_dict().items() if not torch.equal(value, former[name])}
