"""The index's own copy of its encoder, so that it answers the same on every machine."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from densephrase.build_index.run.build_state import BuildState
from densephrase.index.format.index_parts import EncoderRecord
from densephrase.index.format.manifest_file import ENCODER_FOLDER
from densephrase.storage.atomic_file import publish, sync_folder, temporary_path


class SavedEncoder(Protocol):
    """An encoder that can be written to a folder."""

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) over its files."""

    def save_pretrained(self, path: Path) -> None:
        """Write it to a folder."""


def copy_encoder(
    state: BuildState, encoder: SavedEncoder, settings_of: Callable[[Path], str] | None = None
) -> EncoderRecord:
    """Save the encoder into the index, unless an earlier run has; `settings_of` reads the copy's `settings`."""
    folder = state.index_path / ENCODER_FOLDER
    record = state.read(ENCODER_FOLDER, EncoderRecord)
    if record is not None and folder.is_dir() and file_checksums(folder) == record.files:
        return record
    if folder.exists():
        shutil.rmtree(folder)
    temporary = temporary_path(folder)
    temporary.mkdir()
    encoder.save_pretrained(temporary)
    _sync_files(temporary)
    publish(folder)
    settings = None if settings_of is None else settings_of(folder)
    record = EncoderRecord(ENCODER_FOLDER, encoder.fingerprint, file_checksums(folder), settings)
    state.write(ENCODER_FOLDER, record)
    return record


def file_checksums(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file in `folder`, by name."""
    checksums = {}
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            checksums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return checksums


def _sync_files(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    sync_folder(folder)
