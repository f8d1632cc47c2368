"""Two processes that train together: what each of them does, and how they are started.

All that they are to do is done by one pair, because starting a process costs more than all the rest. They meet in a
file and talk over the loopback interface, so that neither a port nor a network is needed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from densephrase.errors import TrainingError
from densephrase.training.contrastive.gather import gather_with_gradient, own_columns
from densephrase.training.contrastive.gradient_cache import encode_in_chunks
from densephrase.training.contrastive.losses import cross_batch_nll
from densephrase.training.loop.checkpoint import TrainingProgress
from densephrase.training.loop.loop import StepLoss, Training
from densephrase.training.loop.processes import (
    average_gradients,
    average_parts,
    first_process_first,
    joined_processes,
    process_count,
    process_rank,
    seed_step,
    share_of,
    tell_all,
)
from densephrase.training.loop.settings import LoopConfig

CPU = torch.device("cpu")
QUESTIONS, SIZE, STEPS, COUNT = 8, 6, 3, 2
UNABLE = "unable.txt"
_SECONDS = 300  # for a machine that is busy with other things


class Towers(nn.Module):
    """Encoders of two layers in float64; a shared one leaves the question's without gradients."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.passage, self.question = (
            nn.Sequential(nn.Linear(SIZE, 5), nn.Tanh(), nn.Linear(5, 4)).double() for _ in range(2)
        )
        self.question_tower = [self.passage if shared else self.question]  # in a list: no second name of parameters

    def encode_questions(self, rows: Tensor) -> Tensor:
        return self.question_tower[0](rows)


def batch_of(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the questions, positives and hard negatives of the whole batch of a step, QUESTIONS of each."""
    rows = torch.randn(3, QUESTIONS, SIZE, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return rows[0], rows[1], rows[2]


def share_of_batch(step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return this process's questions, its passages (positives, then negatives) and their numbers."""
    questions, positives, negatives = batch_of(step)
    members = list(share_of(range(QUESTIONS)))
    passages = torch.cat([positives[members], negatives[members]])
    return questions[members], passages, torch.tensor([*members, *(QUESTIONS + member for member in members)])


def gradients(model: nn.Module) -> dict[str, list[Any] | None]:
    return {name: None if value.grad is None else value.grad.tolist() for name, value in model.named_parameters()}


def constant(rows: Tensor) -> Tensor:
    """Gather rows without a gradient for those of the other process."""
    parts = [torch.empty_like(rows) for _ in range(process_count())]
    dist.all_gather(parts, rows.detach().contiguous())
    parts[process_rank()] = rows
    return torch.cat(parts)


def four_ways(shared: bool) -> dict[str, Any]:
    """Return the gradients, averaged over processes, of four ways to score against the passages of both."""
    found = {}
    for way in "ABCD":
        model = Towers(shared)
        questions, passages, _ = share_of_batch(0)
        asked, known = model.encode_questions(questions), model.passage(passages)
        columns = own_columns(len(asked), len(known), CPU)
        if way in "AB":  # all questions against all passages in each process
            every = gather_with_gradient(columns)
            loss = cross_entropy(constant(asked) @ constant(known).T, every) * (process_count() if way == "B" else 1)
        else:
            gathered = gather_with_gradient(known) if way == "C" else constant(known)
            loss = cross_entropy(asked @ gathered.T, columns)
        torch.autograd.backward(loss)
        average_gradients(model)
        found[way] = gradients(model)
    return found


def cached(shared: bool, chunk: int) -> dict[str, Any]:
    """Return the averaged gradients of the library's loss with gradients cached over chunks."""
    model = Towers(shared)
    questions, passages, numbers = share_of_batch(0)
    loss = cross_batch_nll(
        encode_in_chunks(model.encode_questions, [questions], chunk),
        encode_in_chunks(model.passage, [passages], chunk),
        numbers,
    )
    torch.autograd.backward(loss.loss)
    average_gradients(model)
    return {"loss": average_parts(loss.parts(), CPU), "gradients": gradients(model)}


def labels() -> dict[str, Any]:
    """Return what is gathered of rows that say who has them, and where the own positives are said to be."""
    members = [10 * process_rank() + member for member in range(4)]
    rows = torch.tensor([*members, *(100 + member for member in members)])
    return {
        "gathered": gather_with_gradient(rows).tolist(),
        "positives": own_columns(4, 8, CPU).tolist(),
        "own": members,
    }


def refusals() -> list[str]:
    """Return the messages of what cannot be shared; the processes go on afterwards."""
    found = []
    for attempt in (
        lambda: gather_with_gradient(torch.zeros(3 + process_rank(), 2)),
        lambda: share_of([1]),
        lambda: make_training(Path()).run(TrainingProgress(step=process_rank()), batches, None),  # type: ignore[arg-type]
    ):
        try:
            attempt()
        except TrainingError as error:
            found.append(str(error))
    return found


def make_training(folder: Path, shared: bool = False) -> Training[Towers]:
    config = LoopConfig(learning_rate=0.01, warmup=0.0, clip=0.1, weight_decay=0.1, precision="float32", seed=3)
    return Training.start(Towers(shared), config, CPU, folder, STEPS)


def batches(first: int) -> Iterator[int]:
    yield from range(first, STEPS)


def step_loss(training: Training[Towers], step: int) -> StepLoss:
    """Return the loss of this process's share of a step."""
    questions, passages, numbers = share_of_batch(step)
    asked, known = training.model.encode_questions(questions), training.model.passage(passages)
    loss = cross_batch_nll(asked, known, numbers)
    return StepLoss(loss.loss, loss.parts(), len(questions))


def trained(folder: Path, shared: bool) -> dict[str, Any]:
    """Return the weights after a run whose checkpoint would go into a folder of this process's own."""
    folder = folder / f"run-{shared}-{process_rank()}"
    folder.mkdir()
    training = make_training(folder, shared)
    progress = training.run(TrainingProgress(), batches, partial(step_loss, training))
    weights = {name: value.tolist() for name, value in training.model.state_dict().items()}
    return {
        "weights": weights,
        "questions": progress.questions,
        "files": sorted(path.name for path in folder.iterdir()),
    }


def interrupted(folder: Path) -> int:
    """Return the step at which both processes stop when Ctrl-C reaches the second one only."""
    folder = folder / f"interrupted-{process_rank()}"
    folder.mkdir()
    training, made = make_training(folder), 0

    def loss(step: int) -> StepLoss:
        nonlocal made
        made += 1
        if (process_rank(), step) == (1, 1):
            signal.raise_signal(signal.SIGINT)
        return step_loss(training, step)

    try:
        training.run(TrainingProgress(), batches, loss)
    except KeyboardInterrupt:
        return made
    return -1


def own_random_numbers() -> list[list[float]]:
    """Return random numbers of three steps, the first of them made twice."""
    drawn = []
    for step in (0, 1, 0):
        seed_step(7, step)
        drawn.append(torch.rand(4).tolist())
    return drawn


def in_order(folder: Path) -> bool:
    """Say whether this process finds what the first one writes before the others."""
    with first_process_first():
        if process_rank() == 0:
            (folder / "first").touch()
        return (folder / "first").exists()


def work(rank: int, folder: Path) -> None:
    """Be one of the two processes: write what each scenario gives."""
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(COUNT), GLOO_SOCKET_IFNAME="lo")
    torch.set_num_threads(1)
    try:
        with joined_processes(CPU, f"file://{folder / 'meeting'}") as device:
            found = {
                "place": [process_rank(), process_count(), str(device)],
                "told": tell_all([rank, 7], device),
                "four ways": [four_ways(shared) for shared in (False, True)],
                "cached": [[cached(shared, chunk) for chunk in (0, 1, 3)] for shared in (False, True)],
                "labels": labels(),
                "refusals": refusals(),
                "trained": [trained(folder, shared) for shared in (False, True)],
                "interrupted": interrupted(folder),
                "random": own_random_numbers(),
                "in order": in_order(folder),
            }
    except TrainingError as error:
        if "interface" not in str(error) or "cannot meet" not in str(error):
            raise
        (folder / UNABLE).write_text(str(error), encoding="utf-8")
        return
    (folder / f"{rank}.json").write_text(json.dumps({**found, "left": process_count()}), encoding="utf-8")


def run_pair(target: Callable[[int, Path], None], folder: Path) -> None:
    """Run a function in two processes at once; raises RuntimeError when one fails or does not end."""
    context = multiprocessing.get_context("spawn")
    started = [context.Process(target=target, args=(rank, folder), daemon=True) for rank in range(COUNT)]
    for process in started:
        process.start()
    for process in started:
        process.join(_SECONDS)
    codes = [process.exitcode for process in started]
    for process in started:
        process.kill()
    if codes != [0] * COUNT:
        raise RuntimeError(f"the two processes ended with {codes}; None is one that did not end")


def read_pair(folder: Path) -> Sequence[dict[str, Any]]:
    """Return what the two processes have written, by rank."""
    return [json.loads((folder / f"{rank}.json").read_text(encoding="utf-8")) for rank in range(COUNT)]
