"""Inputs of the reader: a question and the paragraph tokens of a window in one row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from densephrase.encoder.tokens.padding import pad_batch


@dataclass(frozen=True, slots=True)
class ReaderInput:
    """`[CLS] question [SEP] paragraph [SEP]`, and the column where the paragraph begins."""

    input_ids: list[int]
    first: int


@dataclass(frozen=True, slots=True)
class ReaderBatch:
    """Tensors of B rows of T tokens."""

    input_ids: Tensor  # int64 (B, T)
    mask: Tensor  # bool (B, T)
    token_mask: Tensor  # bool (B, T): paragraph tokens only


def reader_input(question: Sequence[int], window: Sequence[int], first: int, last: int) -> ReaderInput:
    """Put a question before a window's paragraph tokens; the title stays out (DensePhrases, section 4.2).

    `question` and `window` are ids with their special tokens; paragraph tokens stand in the columns [first, last) of
    the window.
    """
    return ReaderInput([*question, *window[first:last], window[-1]], len(question))


def pad_reader_inputs(inputs: Sequence[ReaderInput], pad_token_id: int) -> ReaderBatch:
    """Pad rows into tensors."""
    ids, mask = pad_batch([row.input_ids for row in inputs], pad_token_id)
    columns = torch.arange(ids.shape[1])
    first = torch.tensor([row.first for row in inputs])
    last = torch.tensor([len(row.input_ids) - 1 for row in inputs])
    return ReaderBatch(ids, mask, (columns >= first[:, None]) & (columns < last[:, None]))
