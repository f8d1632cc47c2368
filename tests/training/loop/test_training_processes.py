"""Several processes that train one model come to what one comes to, start and stop together, and meet or say why."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from densephrase.errors import DeviceError, TrainingError
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE, TrainingProgress
from densephrase.training.loop.processes import (
    average_gradients,
    first_process_first,
    joined_processes,
    process_count,
    process_rank,
    seed_step,
    share_of,
    wait_for_all,
)
from tests.training.two_processes import QUESTIONS, STEPS, Towers, batches, make_training, step_loss

CPU = torch.device("cpu")


@pytest.mark.parametrize("shared", [False, True], ids=["two towers", "one tower"])
def test_two_processes_train_like_one(pair: Sequence[dict[str, Any]], shared: bool, tmp_path: Path) -> None:
    """Three steps of clipped AdamW in float64: same weights, and the first process alone writes."""
    training = make_training(tmp_path, shared)
    start = {name: value.clone() for name, value in training.model.state_dict().items()}
    training.run(TrainingProgress(), batches, partial(step_loss, training))
    for process in pair:
        found = process["trained"][shared]
        for name, value in training.model.state_dict().items():
            assert float((torch.tensor(found["weights"][name], dtype=torch.float64) - value).abs().max()) < 1e-9
            assert torch.equal(start[name], value) == (shared and name.startswith("question"))
        assert found["questions"] == STEPS * QUESTIONS
    assert [process["trained"][shared]["files"] for process in pair] == [[CHECKPOINT_FILE], []]
    assert pair[0]["trained"][shared]["weights"] == pair[1]["trained"][shared]["weights"]


def test_processes_know_their_place(pair: Sequence[dict[str, Any]]) -> None:
    for rank, process in enumerate(pair):
        assert process["place"] == [rank, 2, "cpu"]
        assert process["told"] == [[0, 7], [1, 7]]
        assert process["in order"]
        assert process["left"] == 1


def test_ctrl_c_in_one_process_stops_all_after_the_same_step(pair: Sequence[dict[str, Any]]) -> None:
    assert [process["interrupted"] for process in pair] == [2, 2]


def test_each_process_and_step_has_random_numbers_of_its_own(pair: Sequence[dict[str, Any]]) -> None:
    drawn = [process["random"] for process in pair]
    assert all(first == again for first, _, again in drawn)
    assert len({tuple(row) for first, second, _ in drawn for row in (first, second)}) == 4


def test_what_cannot_be_shared_is_refused_by_all(pair: Sequence[dict[str, Any]]) -> None:
    for process in pair:
        _, share, start = process["refusals"]
        assert "A batch of 1 cannot be shared among 2 processes" in share
        assert "start from different steps (0, 1, by rank)" in start


def test_a_process_alone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (None, "1"):
        if count is None:
            monkeypatch.delenv("WORLD_SIZE", raising=False)
        else:
            monkeypatch.setenv("WORLD_SIZE", count)
        with joined_processes(CPU) as device, first_process_first():
            assert (device, process_rank(), process_count()) == (CPU, 0, 1)
            assert share_of([3, 1, 2]) == [3, 1, 2]
            assert share_of([]) == []
            wait_for_all()
            model = Towers(shared=False)
            average_gradients(model)
            assert all(parameter.grad is None for parameter in model.parameters())
            state = torch.get_rng_state()
            seed_step(1, 2)
            assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("settings", "device", "message"),
    [
        ({}, "cpu", "WORLD_SIZE=2 asks for several processes, but RANK, MASTER_ADDR, MASTER_PORT is not set"),
        ({"RANK": "0"}, "cpu", "MASTER_ADDR, MASTER_PORT is not set. Start them with torchrun"),
        ({"RANK": "2"}, "file", "RANK=2 is outside WORLD_SIZE=2"),
        ({"RANK": "one"}, "file", "RANK='one' is no number"),
        ({"RANK": "1"}, "cuda:1", "cannot share the device 'cuda:1'. Give 'cuda'"),
        ({"RANK": "1", "GLOO_SOCKET_IFNAME": "none0"}, "file", "Process 1 of 2 cannot meet the others by gloo"),
    ],
    ids=lambda value: value if isinstance(value, str) and "=" not in value else "",
)
def test_processes_that_cannot_meet_say_why(
    settings: dict[str, str], device: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"WORLD_SIZE": "2", **settings}.items():
        monkeypatch.setenv(name, value)
    meeting = "env://" if device == "cpu" else f"file://{tmp_path / 'meeting'}"
    with (
        pytest.raises(TrainingError) as caught,
        joined_processes(torch.device("cuda:1" if device == "cuda:1" else "cpu"), meeting),
    ):
        raise AssertionError("they must not meet")
    assert message in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there are GPUs here")
def test_each_process_needs_a_gpu_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(DeviceError, match="'cuda:1' is not available"),
        joined_processes(torch.device("cuda"), f"file://{tmp_path}/meeting"),
    ):
        raise AssertionError("there is no such device")
