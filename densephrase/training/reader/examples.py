"""Training examples of the reader, and batches of them: lengths alike within a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from densephrase.reader.inputs import ReaderBatch, ReaderInput, pad_reader_inputs, reader_input
from densephrase.training.data.examples import TrainingQuestion, TrainingWindow

_POOL = 32  # batches that are sorted by length together


@dataclass(frozen=True, slots=True)
class ReaderExample(ReaderInput):
    """A reader's input with its gold span in columns, both inclusive."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ReaderTrainingBatch(ReaderBatch):
    """Tensors of one step: B inputs with their gold spans."""

    start: Tensor  # int64 (B,)
    end: Tensor  # int64 (B,)


def reader_example(question: TrainingQuestion, window: TrainingWindow) -> ReaderExample:
    """Return the input of a question and its window, and its gold span there."""
    row = reader_input(question.input_ids, window.input_ids, window.first, window.last)
    shift = row.first - window.first
    return ReaderExample(row.input_ids, row.first, question.start + shift, question.end + shift)


def reader_examples(windows: Sequence[TrainingWindow], max_tokens: int) -> list[ReaderExample]:
    """Return the pairs of windows and their questions that fit `max_tokens`."""
    pairs = [reader_example(question, window) for window in windows for question in window.questions]
    return [pair for pair in pairs if len(pair.input_ids) <= max_tokens]


def make_reader_batch(examples: Sequence[ReaderExample], pad_token_id: int) -> ReaderTrainingBatch:
    """Pad examples into tensors."""
    rows = pad_reader_inputs(examples, pad_token_id)
    start, end = (torch.tensor([getattr(example, side) for example in examples]) for side in ("start", "end"))
    return ReaderTrainingBatch(rows.input_ids, rows.mask, rows.token_mask, start, end)


def reader_batches(
    examples: Sequence[ReaderExample], size: int, pad_token_id: int, rng: np.random.Generator, first: int = 0
) -> Iterator[ReaderTrainingBatch]:
    """Yield the batches of an epoch from number `first` on; every example once, in an order that `rng` decides."""
    for members in _plan(examples, size, rng)[first:]:
        yield make_reader_batch([examples[member] for member in members], pad_token_id)


def _plan(examples: Sequence[ReaderExample], size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    order = rng.permutation(len(examples))
    length = np.array([len(example.input_ids) for example in examples])
    pool = _POOL * size
    ordered = np.concatenate(
        [block[np.argsort(length[block], kind="stable")] for block in np.split(order, range(pool, len(order), pool))]
    )
    batches = np.split(ordered, range(size, len(ordered), size))
    return [batches[number] for number in rng.permutation(len(batches))]
