"""Reader inputs: a question and a window in one row, lengths alike within a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow

_POOL = 32  # batches that are sorted by length together


@dataclass(frozen=True, slots=True)
class ReaderExample:
    """`[CLS] question [SEP] paragraph [SEP]`, where the paragraph begins, and the gold span in columns, inclusive."""

    input_ids: list[int]
    first: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReaderBatch:
    """Tensors of one step: B rows of T tokens."""

    input_ids: Tensor  # int64 (B, T)
    mask: Tensor  # bool (B, T)
    token_mask: Tensor  # bool (B, T): paragraph tokens only
    start: Tensor  # int64 (B,)
    end: Tensor  # int64 (B,)

    def to(self, device: torch.device) -> ReaderBatch:
        """Return the batch on `device`."""
        return ReaderBatch(*(getattr(self, name).to(device, non_blocking=True) for name in self.__slots__))


def reader_example(question: TrainingQuestion, window: TrainingWindow) -> ReaderExample:
    """Put a question before its window's paragraph tokens; the title stays out (DensePhrases, section 4.2)."""
    shift = len(question.input_ids) - window.first
    ids = [*question.input_ids, *window.input_ids[window.first : window.last], window.input_ids[-1]]
    return ReaderExample(ids, len(question.input_ids), question.start + shift, question.end + shift)


def pad_reader_inputs(examples: Sequence[ReaderExample], pad_token_id: int) -> ReaderBatch:
    """Pad examples into tensors."""
    ids, mask = pad_batch([example.input_ids for example in examples], pad_token_id)
    columns = torch.arange(ids.shape[1])
    first = torch.tensor([example.first for example in examples])
    last = torch.tensor([len(example.input_ids) - 1 for example in examples])
    token_mask = (columns >= first[:, None]) & (columns < last[:, None])
    start = torch.tensor([example.start for example in examples])
    return ReaderBatch(ids, mask, token_mask, start, torch.tensor([example.end for example in examples]))


def reader_batches(
    examples: Sequence[ReaderExample], size: int, pad_token_id: int, rng: np.random.Generator, first: int = 0
) -> Iterator[ReaderBatch]:
    """Yield the batches of an epoch from number `first` on; every example once, in an order that `rng` decides."""
    for members in _plan(examples, size, rng)[first:]:
        yield pad_reader_inputs([examples[member] for member in members], pad_token_id)


def _plan(examples: Sequence[ReaderExample], size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    order = rng.permutation(len(examples))
    length = np.array([len(example.input_ids) for example in examples])
    pool = _POOL * size
    ordered = np.concatenate(
        [block[np.argsort(length[block], kind="stable")] for block in np.split(order, range(pool, len(order), pool))]
    )
    batches = np.split(ordered, range(size, len(ordered), size))
    return [batches[number] for number in rng.permutation(len(batches))]
