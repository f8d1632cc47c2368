"""Batches of a passage encoder's training: what stands where, and that they depend on their number alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.training.loop import processes
from densephrase.training.retriever import batches
from densephrase.training.retriever.batches import TokenisedPool, count_batches
from densephrase.training.retriever.examples import PoolExample

EXAMPLES = [PoolExample(f"question {n}", (), n % 3, (3, 4) if n < 4 else ()) for n in range(6)]
POOL = TokenisedPool([[1, 10 + n, 2] for n in range(6)], [[1, 20 + n, 2] for n in range(5)], EXAMPLES, 0)


def test_gold_passages_come_first_then_the_negatives() -> None:
    batch = POOL.batch([1, 3], 2, np.random.default_rng(0))
    assert batch.question_ids[:, 1].tolist() == [11, 13]
    assert batch.passage_ids[:2, 1].tolist() == [21, 20]
    assert sorted(batch.passage_ids[2:4, 1].tolist()) == sorted(batch.passage_ids[4:, 1].tolist()) == [23, 24]


def test_passages_are_known_by_their_numbers() -> None:
    batch = POOL.batch([0, 3, 1], 0, np.random.default_rng(0))  # 0 and 3 have the same gold passage
    assert batch.passage_numbers.tolist() == [0, 0, 1]
    assert batch.others.shape == (3, 0)


def test_a_question_without_negatives_has_passages_of_others() -> None:
    batch = POOL.batch([5], 3, np.random.default_rng(0))
    assert batch.passage_ids.shape[0] == 4
    assert set(batch.passage_ids[1:, 1].tolist()) <= {20, 21, 22, 23, 24}


def test_an_epoch_has_every_question_once() -> None:
    batches = list(POOL.epoch(4, 1, seed=3, epoch=0))
    assert [len(batch.question_ids) for batch in batches] == [4, 2]
    assert sorted(torch.cat([batch.question_ids[:, 1] for batch in batches]).tolist()) == list(range(10, 16))


def test_a_later_batch_is_the_same_without_those_before() -> None:
    whole, resumed = list(POOL.epoch(2, 1, 3, 1)), list(POOL.epoch(2, 1, 3, 1, first=2))
    assert torch.equal(whole[2].passage_ids, resumed[0].passage_ids)
    assert torch.equal(whole[2].question_ids, resumed[0].question_ids)


def test_other_passages_that_answer_are_named() -> None:
    examples = [PoolExample("a", (), 0, others=(1, 4)), PoolExample("b", (), 1, others=(2,))]
    pool = TokenisedPool(POOL.questions, POOL.passages, examples, 0)
    batch = pool.batch([0, 1], 0, np.random.default_rng(0))
    assert batch.others.tolist() == [[1, 4], [2, -1]]


def be_process(monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
    """Stand in for one of several processes, as far as shares go."""
    for module in (processes, batches):
        monkeypatch.setattr(module, "process_count", lambda: count)
    monkeypatch.setattr(processes, "process_rank", lambda: rank)


def test_shares_of_all_processes_are_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list(POOL.epoch(4, 2, seed=3, epoch=0))
    for number, batch in enumerate(whole):
        size, shared = len(batch.question_ids), []
        for rank in range(2):
            be_process(monkeypatch, rank, 2)
            shared.append(list(POOL.epoch(4, 2, 3, 0))[number])
        assert torch.equal(torch.cat([share.question_ids for share in shared]), batch.question_ids)
        halves = [share.passage_numbers.split([size // 2, size]) for share in shared]
        assert torch.equal(
            torch.cat([*(half[0] for half in halves), *(half[1] for half in halves)]), batch.passage_numbers
        )


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [(1, 5, [5, 1]), (2, 5, [2]), (2, 4, [2, 1]), (3, 4, [1]), (3, 6, [2]), (6, 6, [1])],
)
def test_a_last_batch_that_cannot_be_shared_stays_out(
    count: int, size: int, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    be_process(monkeypatch, 0, count)
    assert [len(batch.question_ids) for batch in POOL.epoch(size, 1, 3, 0)] == expected
    assert count_batches(len(EXAMPLES), size) == len(expected)
