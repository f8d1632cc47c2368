"""Calibration: thresholds of the phrase filter at a recall, quantisers and sparse factors, fitted to paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.weights import load_exactly, rounded_weights
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.row_quantisers import RowQuantisers
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.training.data.examples import TrainingWindow
from densephrase.training.finish.factors import fit_factors
from densephrase.training.finish.hidden_states import hidden_states, sample_windows

_BATCH = 32
_MARGIN = 1e-3  # so that rounding does not drop the very token that set a threshold


@dataclass(frozen=True, slots=True)
class Calibration:
    """A configuration with thresholds set, and what makes codes of the rows that pass them."""

    config: EncoderConfig
    quantisers: RowQuantisers


@dataclass(slots=True)
class _Side:
    rows: list[NDArray[np.float32]]
    gold: list[NDArray[np.float32]]


def calibrate(
    model: PhraseModel, windows: Sequence[TrainingWindow], recall: float, *, limit: int = 1000, seed: int = 0
) -> Calibration:
    """Fit to at most `limit` random windows.

    The thresholds keep at least the share `recall` of the gold starts and of the gold ends; the quantisers are fitted
    to the rows that pass them, the factors of sparse vectors to all tokens of a quarter of the windows.
    """
    chosen = sample_windows(windows, limit, seed)
    sides = (_Side([], []), _Side([], []))
    states: list[Tensor] = []
    for at in range(0, len(chosen), _BATCH):
        found = _collect(model, chosen[at : at + _BATCH], sides)
        if model.sparc is not None and 4 * at < len(chosen):
            states.append(found)
    thresholds, quantisers = [], []
    for side in sides:
        threshold = float(np.quantile(np.concatenate(side.gold), 1 - recall, method="lower")) - _MARGIN
        rows = np.concatenate(side.rows)
        kept = rows[rows[:, -1] >= threshold, :-1]
        thresholds.append(threshold)
        quantisers.append(VectorQuantiser.fit(kept, model.config.coherency_rank))
    config = replace(model.config, start_threshold=thresholds[0], end_threshold=thresholds[1])
    factors = None if model.sparc is None else fit_factors(model.sparc, torch.cat(states), config.sparse_rank)
    if factors is not None:
        load_exactly(factors, rounded_weights(factors.state_dict()), "the rounded factors")
    return Calibration(config, RowQuantisers(quantisers[0], quantisers[1], factors))


def _collect(model: PhraseModel, windows: Sequence[TrainingWindow], sides: tuple[_Side, _Side]) -> Tensor:
    """Add each paragraph token's rows, its filter logit as a last column, and the logits of the gold tokens.

    Returns the hidden states of the paragraph tokens, (tokens, H).
    """
    hidden = hidden_states(model, windows)
    with torch.inference_mode():
        logits = model.phrase_filter(hidden).float().cpu().numpy()
        rows = [head(hidden).float().cpu().numpy() for head in (model.start_rows, model.end_rows)]
    for column, (values, side) in enumerate(zip(rows, sides, strict=True)):
        for number, window in enumerate(windows):
            own = slice(window.first, window.last)
            side.rows.append(np.concatenate([values[number, own], logits[number, own, column : column + 1]], 1))
            places = {question.start if column == 0 else question.end for question in window.questions}
            side.gold.append(logits[number, sorted(places), column])
    return torch.cat([hidden[number, window.first : window.last] for number, window in enumerate(windows)])
