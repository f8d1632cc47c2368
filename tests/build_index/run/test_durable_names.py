"""Every name of an index is on the disk before the name that leads to it counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.storage.atomic_file import make_folder
from tests.search.fake_encoder import FakeEncoder


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that were synced, in order, each with a note of what it held then."""
    folders: list[Path] = []
    sync = os.fsync

    def recorded(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_dir():
            folders.append(path)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    return folders


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not name open folders")
def test_each_folder_of_a_build_is_synced_after_it_got_its_last_name(
    tmp_path: Path, corpus: Path, synced: list[Path]
) -> None:
    index = tmp_path / "new" / "index"
    build(corpus, index, encoder=FakeEncoder())
    assert {tmp_path, index.parent, index, index / "segments", index / "segments" / "000001"} <= set(synced)
    assert synced.index(index.parent) < synced.index(index / "segments" / "000001")


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, synced: list[Path]) -> None:
    make_folder(tmp_path)
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
