"""The encoder's results the long way: each window alone, in float32, without quantisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder


class NoQuantiser:
    """Lets the float32 rows through in the place of codes."""

    def encode(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return rows


def without_quantiser(encoder: PhraseEncoder) -> PhraseEncoder:
    """Make an encoder hand out float32 rows."""
    unchanged: Any = NoQuantiser()
    encoder.start_quantiser = encoder.end_quantiser = unchanged
    return encoder


def own_ids(encoder: PhraseEncoder, text: str) -> list[int]:
    """Return the word pieces of a text."""
    ids: list[int] = encoder.tokeniser.tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def owner(token: int, windows: list[tuple[int, int]]) -> int:
    """Return the window in which a token stands farthest from an edge, the earlier one of two."""
    return max(range(len(windows)), key=lambda n: (min(token - windows[n][0], windows[n][1] - 1 - token), -n))


def windows_of(tokens: int, capacity: int, stride: int) -> list[tuple[int, int]]:
    """Return the windows [first, last + 1) of a paragraph."""
    last = max(0, tokens - capacity)
    return [(start, min(start + capacity, tokens)) for start in sorted({*range(0, last, stride), last})]


def direct_rows(encoder: PhraseEncoder, paragraph: ParagraphInput) -> dict[str, NDArray[np.float32]]:
    """Return start and end rows and filter logits of each token of a paragraph, from its owning window.

    With Sparc heads also "sparc", [tokens, 4, tokens]: the sparse vectors by token, head and place in the paragraph,
    from the hidden state of each token in its owning window.
    """
    config, ids = encoder.config, own_ids(encoder, paragraph.text)
    title = own_ids(encoder, paragraph.title)[: config.max_title_tokens]
    prefix = [config.cls_token_id, *title, *([config.sep_token_id] if title else [])]
    windows = windows_of(len(ids), config.window_capacity, config.window_stride)
    found: dict[str, list[NDArray[np.float32]]] = {"start": [], "end": [], "filter": []}
    hidden = []
    for token in range(len(ids)):
        first, last = windows[owner(token, windows)]
        row = torch.tensor([[*prefix, *ids[first:last], config.sep_token_id]])
        own = torch.zeros_like(row, dtype=torch.bool)
        own[:, len(prefix) : -1] = True
        with torch.inference_mode():
            text = encoder._model.encode_text(row, torch.ones_like(own), own)
            states = encoder._model.hidden(row, torch.ones_like(own))
        column = len(prefix) + token - first
        for name, value in (("start", text.start), ("end", text.end), ("filter", text.filter_logits)):
            found[name].append(value[0, column].numpy())
        hidden.append(states[0, column])
    direct = {name: np.stack(rows) for name, rows in found.items() if rows}
    if hidden and encoder._model.sparc is not None:
        with torch.inference_mode():
            weights = encoder._model.sparc.text(torch.stack(hidden)[None], torch.ones(1, len(ids), dtype=torch.bool))
        direct["sparc"] = weights[0].transpose(0, 1).numpy()
    return direct
