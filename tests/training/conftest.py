"""A run that nothing stopped, two processes that train together, and the threads that runs are compared on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from densephrase.training.phrase.trainer import train
from tests.training.facts import make_facts, make_settings
from tests.training.two_processes import UNABLE, read_pair, run_pair, work

THREADS = torch.get_num_threads()


@pytest.fixture(autouse=True)
def own_threads() -> None:
    """Give torch its threads back: numba's parallel kernels share OpenMP with it and change their number.

    Sums are rounded otherwise on other threads, and runs are compared byte by byte.
    """
    torch.set_num_threads(THREADS)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """The folder of a run of six steps that nothing stopped, to be read only."""
    torch.set_num_threads(THREADS)
    folder = tmp_path_factory.mktemp("whole")
    train(make_facts(), folder, make_settings(backbone))
    return folder


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Sequence[dict[str, Any]]:
    """What two processes that train together have found, by rank; see `two_processes.work`."""
    folder = tmp_path_factory.mktemp("pair")
    run_pair(work, folder)
    if (folder / UNABLE).exists():
        pytest.skip(f"processes cannot talk here: {(folder / UNABLE).read_text(encoding='utf-8')}")
    return read_pair(folder)
