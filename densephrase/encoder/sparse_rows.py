"""From the dense rows of A to stored sparse vectors, and a question's n-grams: pruning, quantising, bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.encoder.encoded import QuestionNgrams, SparseRows
from densephrase.encoder.sparc import HEADS

PAIR = 1 << 32  # larger than any word piece's number


@dataclass(frozen=True, slots=True)
class PrunedRows:
    """The strongest entries of some rows: [rows, entries] each, codes of 0 for none."""

    column: NDArray[np.int32]  # of the n-gram's first token in the window
    order: NDArray[np.int32]  # 0 unigram, 1 bigram
    codes: NDArray[np.uint8]


def prune(weights: Tensor, scale: Tensor, entries: int) -> PrunedRows:
    """Keep the `entries` largest of each row of weights (rows, 2, tokens), unigrams and bigrams together.

    `scale` float32 (2,): of the unigram and of the bigram head; codes are round(weight / scale), at most 255.
    """
    tokens = weights.shape[2]
    best, place = weights.flatten(1).topk(min(entries, 2 * tokens), dim=1)
    order = place // tokens
    codes = (best / scale[order]).round().clamp_max(255).to(torch.uint8)
    column, order = (place % tokens).int(), order.int()
    return PrunedRows(column.cpu().numpy(), order.cpu().numpy(), codes.cpu().numpy())


@dataclass(slots=True)
class SparseSide:
    """Collects the sparse vectors of one side (start or end) window by window."""

    paragraph: list[NDArray[np.int32]] = field(default_factory=list)
    token: list[NDArray[np.int32]] = field(default_factory=list)
    entry: list[NDArray[np.int32]] = field(default_factory=list)
    code: list[NDArray[np.uint8]] = field(default_factory=list)

    def add(
        self, paragraph: NDArray[np.int32], token: NDArray[np.int32], column: NDArray[np.int32], rows: PrunedRows
    ) -> None:
        """Add rows: paragraph, token and window column of each [n], and their strongest entries."""
        row, at = np.nonzero(rows.codes)
        self.paragraph.append(paragraph[row])
        self.token.append(token[row])
        self.entry.append(2 * (rows.column[row, at] - column[row]) + rows.order[row, at])
        self.code.append(rows.codes[row, at])

    def split(self, kept: Sequence[NDArray[np.int32]]) -> list[SparseRows]:
        """Return the vectors of the tokens `kept` (ascending) of each paragraph."""
        none = np.empty(0, np.int32)
        paragraph, token, entry = (
            np.concatenate([none, *column]) for column in (self.paragraph, self.token, self.entry)
        )
        order = np.lexsort((entry, token, paragraph))
        paragraph, token, entry = paragraph[order], token[order], entry[order].astype(np.int16)
        code = np.concatenate([np.empty(0, np.uint8), *self.code])[order]
        bounds = np.searchsorted(paragraph, np.arange(len(kept) + 1))
        made = []
        for number, tokens in enumerate(kept):
            mine = slice(bounds[number], bounds[number + 1])
            chosen = np.isin(token[mine], tokens)
            pointers = np.append(np.searchsorted(token[mine][chosen], tokens), int(chosen.sum())).astype(np.int64)
            made.append(SparseRows(pointers, entry[mine][chosen], code[mine][chosen]))
        return made


def question_ngrams(ids: Sequence[int], weights: NDArray[np.float32]) -> QuestionNgrams:
    """Add up the weights of equal n-grams; ids [tokens], weights float32 [4, tokens] in the order of HEADS."""
    pieces = np.array(ids, np.int64)
    pairs = pieces * PAIR + np.append(pieces[1:], 0)
    unigrams, unigram_weights = _bag(pieces, weights[::2])
    bigrams, bigram_weights = _bag(pairs, weights[1::2])
    return QuestionNgrams(unigrams.astype(np.int32), unigram_weights, bigrams, bigram_weights)


def _bag(names: NDArray[np.int64], weights: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the names of some weight, ascending and once each, and their summed weights float32 [2, names]."""
    counted = (weights > 0).any(0)
    known, place = np.unique(names[counted], return_inverse=True)
    total = np.zeros((2, len(known)))
    for side in range(2):
        np.add.at(total[side], place, weights[side, counted])
    return known, total.astype(np.float32)


def fit_scales(weights: Sequence[NDArray[np.float32]], share: float = 0.9999) -> NDArray[np.float32]:
    """Return the scale of each head, float32 [4], from samples of its positive weights: few are cut off at 255."""
    scales = [
        np.quantile(values, share) / 255 if values.size else 1 / 255 for values in (item[item > 0] for item in weights)
    ]
    if len(scales) != len(HEADS):
        raise ValueError(f"{len(scales)} samples of weights for {len(HEADS)} heads")
    return np.maximum(np.array(scales), 1e-6).astype(np.float32)
