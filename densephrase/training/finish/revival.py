"""Dead ReLUs of Sparc heads: one that is above zero nowhere gets no gradient, and never comes back by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.sparc import HEADS, SparcHeads
from densephrase.training.data.examples import TrainingWindow
from densephrase.training.finish.hidden_states import hidden_states, sample_windows

_ALIVE = 0.01  # least share of weights above zero
_SHARE = 0.5  # of the other head's weights, so that together they do not say everything twice
_WINDOWS = 32


def revive_heads(model: PhraseModel, windows: Sequence[TrainingWindow], seed: int) -> list[str]:
    """Let each dead head start again as the other head of its side, unigrams as bigrams or the reverse; return which.

    A head is dead if next to none of its weights on some random windows is above zero. Where both heads of a side are,
    they stay: there is nothing to learn from.
    """
    if model.sparc is None:
        return []
    alive = _share_above_zero(model, model.sparc, windows, seed) >= _ALIVE
    dead = [head for head in range(len(HEADS)) if not alive[head] and alive[head ^ 1]]
    size = model.sparc.size
    with torch.no_grad():
        for head in dead:
            for layer in (model.sparc.query, model.sparc.key):
                for values in (layer.weight, layer.bias):
                    rows = values.view(len(HEADS), size, -1)
                    rows[head] = rows[head ^ 1] * _SHARE**0.5
    return [HEADS[head] for head in dead]


def _share_above_zero(
    model: PhraseModel, heads: SparcHeads, windows: Sequence[TrainingWindow], seed: int
) -> torch.Tensor:
    """Return the share of weights above zero of each head, over pairs of tokens of a paragraph, float32 (4,)."""
    some = sample_windows(windows, _WINDOWS, seed)
    hidden = hidden_states(model, some)
    token_mask = torch.zeros(hidden.shape[:2], dtype=torch.bool)
    for row, window in enumerate(some):
        token_mask[row, window.first : window.last] = True
    token_mask = token_mask.to(model.device)
    with torch.inference_mode():
        weights = heads.text(hidden, token_mask)
    pairs = token_mask[:, :, None] & token_mask[:, None, :]
    above: torch.Tensor = torch.stack([(weights[:, head][pairs] > 0).float().mean() for head in range(len(HEADS))])
    return above.cpu()
