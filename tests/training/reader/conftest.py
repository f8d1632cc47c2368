"""A run that nothing stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from densephrase.training.reader.trainer import train_reader
from tests.reader.small_reader import make_reader_settings
from tests.training.facts import make_facts


@pytest.fixture(scope="session")
def whole_reader(tmp_path_factory: pytest.TempPathFactory, backbone: Path) -> Path:
    """The folder of a run of six steps that nothing stopped, to be read only."""
    folder = tmp_path_factory.mktemp("whole-reader")
    train_reader(make_facts(), folder, make_reader_settings(backbone))
    return folder
