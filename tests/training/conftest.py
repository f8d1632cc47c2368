"""A tiny Hugging Face folder to start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from densephrase.training.trainer import train
from tests.encoder.hf_folder import save_backbone
from tests.training.facts import make_facts, make_settings


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of 32 dimensions, to be read only."""
    return save_backbone(tmp_path_factory.mktemp("backbone"))


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """The folder of a run of six steps that nothing stopped, to be read only."""
    folder = tmp_path_factory.mktemp("whole")
    train(make_facts(), folder, make_settings(backbone))
    return folder
