"""Rows of all processes, gathered so that gradients find their way back.

Each process scores its own questions against the passages of all. Its loss then has a gradient for passages of others,
which must reach the process that encoded them: where gathered rows of others are constants, the mean over processes is
not the gradient of the loss of the whole batch.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable

from densephrase.errors import TrainingError
from densephrase.training.loop.processes import process_count, process_rank, tell_all


def gather_with_gradient(rows: Tensor) -> Tensor:
    """Return the rows of all W processes in the order of ranks: (N, ...) in each to (W * N, ...); any dtype.

    The gradient of a row is the sum over processes of what each has for it. A single process gets its own tensor back.
    Raises TrainingError, in every process, when their shapes differ.
    """
    if process_count() == 1:
        return rows
    shapes = tell_all([len(rows), rows.numel()], rows.device)
    if any(shape != shapes[0] for shape in shapes):
        found = ", ".join(f"{count} x {size // max(1, count)}" for count, size in shapes)
        raise TrainingError(
            f"Processes have batches of different shapes to gather ({found}, by rank); give each an equal share."
        )
    return _Gather.apply(rows)  # type: ignore[no-untyped-call]


def own_columns(count: int, rows: int, device: torch.device) -> Tensor:
    """Return where the first `count` of this process's `rows` rows are among those of all processes: int64 (count,)."""
    return torch.arange(count, device=device) + process_rank() * rows


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        gathered = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(process_count())]
        dist.all_gather(gathered, rows.contiguous())
        return torch.cat(gathered)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.chunk(process_count())[process_rank()]
