"""The loss of query-side fine-tuning against plain sums over spans."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from densephrase.training.query_side.candidates import Candidates
from densephrase.training.query_side.loss import pad_candidates, query_side_losses

SIZE = 5


def make_candidates(random: np.random.Generator, starts: int, ends: int, spans: int) -> Candidates:
    """Return random candidates in which each start and each end is used, and two spans are right."""
    return Candidates(
        random.normal(size=(starts, SIZE)).astype(np.float32),
        random.normal(size=(ends, SIZE)).astype(np.float32),
        np.concatenate([np.arange(starts), random.integers(0, starts, spans - starts)]),
        np.concatenate([np.arange(ends), random.integers(0, ends, spans - ends)]),
        random.normal(size=spans).astype(np.float32),
        np.isin(np.arange(spans), random.permutation(spans)[:2]),
    )


def plain_losses(start: np.ndarray, end: np.ndarray, found: Candidates, temperature: float) -> list[float]:
    """Return -log of the share that right ones have of all exp(score / temperature): of spans, starts and ends."""
    sums = np.zeros((3, 2))
    for name, rows, vectors, question in (
        (1, found.span_start, found.start, start),
        (2, found.span_end, found.end, end),
    ):
        for row in range(len(vectors)):
            share = np.exp(np.float64(vectors[row] @ question) / temperature)
            sums[name] += [share, share if found.right[rows == row].any() else 0]
    for first, last, constant, right in zip(found.span_start, found.span_end, found.constant, found.right, strict=True):
        share = np.exp(np.float64(found.start[first] @ start + found.end[last] @ end + constant) / temperature)
        sums[0] += [share, share if right else 0]
    return [float(-np.log(right / total)) for total, right in sums]


@pytest.mark.parametrize("temperature", [1.0, 1.5])
@pytest.mark.parametrize("sizes", [[(4, 3, 9)], [(6, 2, 7), (1, 5, 6), (3, 3, 20)]], ids=["one question", "ragged"])
def test_losses_are_means_of_plain_sums(sizes: list[tuple[int, int, int]], temperature: float) -> None:
    random = np.random.default_rng(3)
    found = [make_candidates(random, *size) for size in sizes]
    start, end = random.normal(size=(2, len(sizes), SIZE)).astype(np.float32)
    expected = np.mean([plain_losses(*item, temperature) for item in zip(start, end, found, strict=True)], axis=0)
    batch = pad_candidates(found, torch.device("cpu"))
    losses = query_side_losses(torch.from_numpy(start), torch.from_numpy(end), batch, temperature)
    assert [float(loss) for loss in losses] == pytest.approx(expected, rel=1e-5)


def test_gradients_are_finite_beside_padding() -> None:
    random = np.random.default_rng(5)
    batch = pad_candidates([make_candidates(random, 8, 8, 30), make_candidates(random, 1, 1, 2)], torch.device("cpu"))
    start, end = (torch.randn(2, SIZE, requires_grad=True) for _ in range(2))
    torch.autograd.backward(sum(query_side_losses(start, end, batch, 1.5)))
    for question in (start, end):
        assert question.grad is not None
        assert torch.isfinite(question.grad).all()
    assert start.grad is not None
    assert not start.grad[1].any()  # its one start is right, whatever the vector
