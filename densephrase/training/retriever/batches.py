"""Batches of questions, each with its gold passage and hard negatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from densephrase.encoder.tokens.padding import pad_batch
from densephrase.training.retriever.examples import RetrieverExample


@dataclass(frozen=True, slots=True)
class RetrieverBatch:
    """Tensors of one step: Q questions of U tokens, P passages of T tokens, gold ones first, in the questions' order.

    `is_gold[q, p]` says that passage p answers question q, the gold passage itself included: no negative of it.
    """

    question_ids: Tensor  # int64 (Q, U)
    question_mask: Tensor  # bool (Q, U)
    passage_ids: Tensor  # int64 (P, T)
    passage_mask: Tensor  # bool (P, T)
    is_gold: Tensor  # bool (Q, P)


@dataclass(frozen=True, slots=True)
class TokenisedPool:
    """The word pieces of all examples' questions and of all passages, with the examples whose numbers they have."""

    questions: Sequence[list[int]]
    passages: Sequence[list[int]]
    examples: Sequence[RetrieverExample]
    pad_token_id: int

    def epoch(self, size: int, hard_negatives: int, seed: int, epoch: int, first: int = 0) -> Iterator[RetrieverBatch]:
        """Yield the batches of an epoch from number `first` on, every question once; the last may be smaller.

        Each depends on the seed, the epoch and its number alone, which makes resuming exact.
        """
        order = np.random.default_rng((seed, epoch)).permutation(len(self.examples))
        for number in range(first, -(-len(order) // size)):
            members = order[number * size : (number + 1) * size].tolist()
            yield self.batch(members, hard_negatives, np.random.default_rng((seed, epoch, number)))

    def batch(self, members: Sequence[int], hard_negatives: int, rng: np.random.Generator) -> RetrieverBatch:
        """Return the batch of the examples of these numbers; a question without hard negatives has random passages."""
        chosen = [self.examples[member] for member in members]
        positives = [example.positive for example in chosen]
        negatives = [number for example in chosen for number in self._negatives(example, hard_negatives, rng)]
        passages = np.array([*positives, *negatives])
        return RetrieverBatch(
            *pad_batch([self.questions[member] for member in members], self.pad_token_id),
            *pad_batch([self.passages[number] for number in passages], self.pad_token_id),
            torch.from_numpy(np.stack([np.isin(passages, [one.positive, *one.others]) for one in chosen])),
        )

    def _negatives(self, example: RetrieverExample, count: int, rng: np.random.Generator) -> list[int]:
        known = list(rng.permutation(example.negatives)[:count]) if example.negatives else []
        return [*known, *rng.integers(len(self.passages), size=count - len(known)).tolist()]
