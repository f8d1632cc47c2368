"""A run that nothing stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from densephrase.training.phrase.trainer import train
from tests.training.facts import make_facts, make_settings


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """The folder of a run of six steps that nothing stopped, to be read only."""
    folder = tmp_path_factory.mktemp("whole")
    train(make_facts(), folder, make_settings(backbone))
    return folder
