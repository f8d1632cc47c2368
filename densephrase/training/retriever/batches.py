"""Batches of questions, each with its gold passage and hard negatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.loop.processes import process_count, share_of
from densephrase.training.retriever.examples import PoolExample


@dataclass(frozen=True, slots=True)
class RetrieverBatch:
    """Tensors of one step: Q questions of U tokens, P passages of T tokens, gold ones first, in question order."""

    question_ids: Tensor  # int64 (Q, U)
    question_mask: Tensor  # bool (Q, U)
    passage_ids: Tensor  # int64 (P, T)
    passage_mask: Tensor  # bool (P, T)
    passage_numbers: Tensor  # int64 (P,): those of the pool
    others: Tensor  # int64 (Q, K): numbers of further passages that answer each question, -1 for none


@dataclass(frozen=True, slots=True)
class TokenisedPool:
    """The word pieces of all examples' questions and of all passages, with the examples whose numbers they have."""

    questions: Sequence[list[int]]
    passages: Sequence[list[int]]
    examples: Sequence[PoolExample]
    pad_token_id: int

    def epoch(self, size: int, hard_negatives: int, seed: int, epoch: int, first: int = 0) -> Iterator[RetrieverBatch]:
        """Yield the batches of an epoch from number `first` on, every question once; the last may be smaller.

        Each depends on the seed, the epoch and its number alone, which makes resuming exact. Of several processes, each
        has its share of a batch (see `densephrase.training.loop.processes.share_of`).
        """
        order = np.random.default_rng((seed, epoch)).permutation(len(self.examples))
        for number in range(first, count_batches(len(order), size)):
            members = order[number * size : (number + 1) * size].tolist()
            yield self.batch(members, hard_negatives, np.random.default_rng((seed, epoch, number)))

    def batch(self, members: Sequence[int], hard_negatives: int, rng: np.random.Generator) -> RetrieverBatch:
        """Return this process's share of the batch of the examples of these numbers.

        A question without hard negatives has random passages. Those of the whole batch are drawn in every process, so
        that they do not depend on how many there are.
        """
        drawn = share_of([self._negatives(self.examples[member], hard_negatives, rng) for member in members])
        members = share_of(members)
        chosen = [self.examples[member] for member in members]
        passages = np.array([*(example.positive for example in chosen), *chain.from_iterable(drawn)])
        return RetrieverBatch(
            *pad_batch([self.questions[member] for member in members], self.pad_token_id),
            *pad_batch([self.passages[number] for number in passages], self.pad_token_id),
            torch.from_numpy(passages.astype(np.int64)),
            _padded([one.others for one in chosen]),
        )

    def _negatives(self, example: PoolExample, count: int, rng: np.random.Generator) -> list[int]:
        known = list(rng.permutation(example.negatives)[:count]) if example.negatives else []
        return [*known, *rng.integers(len(self.passages), size=count - len(known)).tolist()]


def count_batches(examples: int, size: int) -> int:
    """Return how many batches an epoch has; a last one of fewer examples than processes stays out."""
    return -(-max(0, examples - process_count() + 1) // size)


def _padded(rows: Sequence[Sequence[int]]) -> Tensor:
    padded = torch.full((len(rows), max(map(len, rows))), -1, dtype=torch.int64)
    for number, row in enumerate(rows):
        padded[number, : len(row)] = torch.tensor(row, dtype=torch.int64)
    return padded
