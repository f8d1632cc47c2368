"""A tiny Hugging Face folder to start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.encoder.hf_folder import save_backbone


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of 32 dimensions, to be read only."""
    return save_backbone(tmp_path_factory.mktemp("backbone"))
