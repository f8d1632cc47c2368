"""A run that nothing stopped, and the threads that runs are compared on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from densephrase.training.phrase.trainer import train
from tests.training.facts import make_facts, make_settings

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
