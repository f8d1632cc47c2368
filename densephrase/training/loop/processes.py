"""Several processes that train one model: each on its share of every batch, all with the mean of their gradients.

torchrun starts them. A process that was started alone is the first of one, and everything here costs it nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from densephrase.encoder.device import find_device
from densephrase.errors import TrainingError

_PATIENCE = timedelta(hours=2)  # the others wait while the first process works alone
MEETING = "env://"  # MASTER_ADDR and MASTER_PORT

Member = TypeVar("Member")


def process_count() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if _several() else 1


def process_rank() -> int:
    """Return the number of this process among them, counted from 0; only the first one writes and reports."""
    return dist.get_rank() if _several() else 0


def _several() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def joined_processes(device: torch.device, meeting: str = MEETING) -> Iterator[torch.device]:
    """Join the processes that torchrun started, and yield the device of this one; leave them at the end.

    They talk by NCCL between GPUs, of which each takes its own, and by gloo between processors. `meeting` is where they
    find each other, as for `torch.distributed.init_process_group`. Raises TrainingError where torchrun's environment
    variables are incomplete or the processes cannot meet, DeviceError where there are fewer GPUs than processes.
    """
    place = _place(meeting)
    if place is None:
        yield device
        return
    rank, count = place
    device = _own_device(device)
    backend, bound = ("nccl", device) if device.type == "cuda" else ("gloo", None)
    try:
        dist.init_process_group(
            backend, init_method=meeting, rank=rank, world_size=count, timeout=_PATIENCE, device_id=bound
        )
    except (RuntimeError, ValueError) as error:
        raise TrainingError(
            f"Process {rank} of {count} cannot meet the others by {backend} ({error}). Check MASTER_ADDR and "
            "MASTER_PORT, and name a network interface that is up in GLOO_SOCKET_IFNAME or NCCL_SOCKET_IFNAME."
        ) from error
    try:
        yield device
    finally:
        dist.destroy_process_group()


def _place(meeting: str) -> tuple[int, int] | None:
    """Return rank and count from the environment; None for a process that was started alone."""
    if os.environ.get("WORLD_SIZE", "1") == "1":
        return None
    needed = ("WORLD_SIZE", "RANK", *(("MASTER_ADDR", "MASTER_PORT") if meeting == MEETING else ()))
    missing = [name for name in needed if not os.environ.get(name)]
    if missing:
        raise TrainingError(
            f"WORLD_SIZE={os.environ['WORLD_SIZE']} asks for several processes, but {', '.join(missing)} is not set. "
            "Start them with torchrun, which sets all of it, or unset WORLD_SIZE."
        )
    count, rank = (_number(os.environ, name) for name in ("WORLD_SIZE", "RANK"))
    if not 0 <= rank < count:
        raise TrainingError(f"RANK={rank} is outside WORLD_SIZE={count}. Start the processes with torchrun.")
    return rank, count


def _number(environment: Mapping[str, str], name: str) -> int:
    try:
        return int(environment[name])
    except ValueError as error:
        raise TrainingError(f"{name}={environment[name]!r} is no number. Start the processes with torchrun.") from error


def _own_device(device: torch.device) -> torch.device:
    """Return the GPU of this process, by its number on its machine; the processor is for all."""
    if device.type != "cuda":
        return device
    if device != torch.device("cuda"):
        raise TrainingError(f"Several processes cannot share the device '{device}'. Give 'cuda': each takes its own.")
    own = find_device(f"cuda:{_number({'LOCAL_RANK': '0', **os.environ}, 'LOCAL_RANK')}")
    torch.cuda.set_device(own)
    return own


@contextmanager
def first_process_first() -> Iterator[None]:
    """Let the first process do something before the others do it too, and find what it has written."""
    if process_rank() > 0:
        wait_for_all()
    try:
        yield
    finally:
        if process_rank() == 0:
            wait_for_all()


def wait_for_all() -> None:
    """Return once every process has come here."""
    if process_count() > 1:
        dist.barrier()


def share_of(members: Sequence[Member]) -> Sequence[Member]:
    """Return this process's share of a batch; shares are equal, so that up to a process's count - 1 members stay out.

    Raises TrainingError when there are fewer members than processes.
    """
    size = len(members) // process_count()
    if members and not size:
        raise TrainingError(
            f"A batch of {len(members)} cannot be shared among {process_count()} processes; leave it out, or start "
            "fewer processes."
        )
    return members[process_rank() * size : (process_rank() + 1) * size]


def tell_all(numbers: Sequence[int], device: torch.device) -> list[list[int]]:
    """Return the numbers, equally many each, that every process gave, by rank."""
    if process_count() == 1:
        return [list(numbers)]
    own = torch.tensor(numbers, dtype=torch.int64, device=device)
    told = [torch.empty_like(own) for _ in range(process_count())]
    dist.all_gather(told, own)
    return torch.stack(told).tolist()


def any_process(answer: bool, device: torch.device) -> bool:
    """Say whether any process says so."""
    return any(yes for (yes,) in tell_all([answer], device))


def average_gradients(model: nn.Module) -> None:
    """Give every process the mean over processes of each parameter's gradient, in one message.

    A process in which a parameter has no gradient counts as zero; it has none afterwards only if no process has one.
    """
    count = process_count()
    if count == 1:
        return
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    given = torch.tensor([parameter.grad is not None for parameter in parameters], device=parameters[0].device)
    flat = torch.cat(
        [*((torch.zeros_like(one) if one.grad is None else one.grad).flatten() for one in parameters), given]
    )
    dist.all_reduce(flat)
    flat /= count
    *gradients, given = torch.split(flat, [*(parameter.numel() for parameter in parameters), len(parameters)])
    for parameter, gradient, has_one in zip(parameters, gradients, given.tolist(), strict=True):
        parameter.grad = gradient.view_as(parameter).to(parameter.dtype) if has_one else None


def average_parts(parts: Mapping[str, Tensor], device: torch.device) -> dict[str, float]:
    """Return the means over processes of what a step reports, by its name."""
    values = [float(value.detach()) for value in parts.values()]
    if process_count() > 1:
        summed = torch.tensor(values, dtype=torch.float64, device=device)
        dist.all_reduce(summed)
        values = (summed / process_count()).tolist()
    return dict(zip(parts, values, strict=True))


def seed_step(seed: int, step: int) -> None:
    """Seed torch for a step of one of several processes: each has dropout of its own, a resumed run that of the first.

    A single process keeps its one stream of random numbers, whose state is part of its checkpoints.
    """
    if process_count() > 1:
        state = np.random.SeedSequence((seed, step, process_rank())).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0]))
