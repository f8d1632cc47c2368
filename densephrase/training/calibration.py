"""The last step of training: phrase filter thresholds and quantisers, fitted on real paragraphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.model import PhraseModel
from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.encoder.sparc import HEADS
from densephrase.encoder.sparse_rows import fit_scales
from densephrase.encoder.tokens import pad_batch
from densephrase.training.examples import TrainingWindow

_BATCH = 32
_MARGIN = 1e-3  # so that rounding does not drop the very token that set a threshold


@dataclass(frozen=True, slots=True)
class Calibration:
    """A configuration with thresholds set, and the quantisers of start and end rows."""

    config: EncoderConfig
    start_quantiser: VectorQuantiser
    end_quantiser: VectorQuantiser
    sparse_scale: NDArray[np.float32] | None  # [4] of the Sparc heads; None without them


@dataclass(slots=True)
class _Side:
    rows: list[NDArray[np.float32]]
    gold: list[NDArray[np.float32]]


def calibrate(
    model: PhraseModel, windows: Sequence[TrainingWindow], recall: float, *, limit: int = 1000, seed: int = 0
) -> Calibration:
    """Fit to at most `limit` random windows.

    The thresholds keep at least the share `recall` of the gold starts and of the gold ends; the quantisers are fitted
    to the rows that pass them.
    """
    chosen = np.random.default_rng(seed).permutation(len(windows))[:limit]
    sides = (_Side([], []), _Side([], []))
    sparse: list[list[NDArray[np.float32]]] = [[] for _ in HEADS]
    for at in range(0, len(chosen), _BATCH):
        _collect(model, [windows[number] for number in chosen[at : at + _BATCH]], sides, sparse)
    thresholds, quantisers = [], []
    for side in sides:
        threshold = float(np.quantile(np.concatenate(side.gold), 1 - recall, method="lower")) - _MARGIN
        rows = np.concatenate(side.rows)
        kept = rows[rows[:, -1] >= threshold, :-1]
        thresholds.append(threshold)
        quantisers.append(VectorQuantiser.fit(kept, model.config.coherency_rank))
    config = replace(model.config, start_threshold=thresholds[0], end_threshold=thresholds[1])
    scale = fit_scales([np.concatenate(values) for values in sparse]) if model.sparc is not None else None
    return Calibration(config, quantisers[0], quantisers[1], scale)


def _collect(
    model: PhraseModel,
    windows: Sequence[TrainingWindow],
    sides: tuple[_Side, _Side],
    sparse: list[list[NDArray[np.float32]]],
) -> None:
    """Add each paragraph token's rows, its filter logit as a last column, and the logits of the gold tokens.

    To `sparse`, add the largest weight of each token's sparse vector, by head.
    """
    ids, mask = pad_batch([window.input_ids for window in windows], model.config.pad_token_id)
    token_mask = torch.zeros_like(mask)
    for row, window in enumerate(windows):
        token_mask[row, window.first : window.last] = True
    device = next(model.parameters()).device
    with torch.inference_mode():
        text = model.encode_text(ids.to(device), mask.to(device), token_mask.to(device))
    if text.sparc is not None:
        largest = text.sparc.amax(3).float().cpu()
        for head, collected in enumerate(sparse):
            collected.append(largest[:, head][token_mask].numpy())
    logits = text.filter_logits.float().cpu().numpy()
    for column, (rows, side) in enumerate(zip((text.start, text.end), sides, strict=True)):
        values = rows.float().cpu().numpy()
        for number, window in enumerate(windows):
            own = slice(window.first, window.last)
            side.rows.append(np.concatenate([values[number, own], logits[number, own, column : column + 1]], 1))
            places = {question.start if column == 0 else question.end for question in window.questions}
            side.gold.append(logits[number, sorted(places), column])
