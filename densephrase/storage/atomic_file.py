"""Files that appear under their name only when they are complete and on the disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

TEMPORARY = ".tmp"


def temporary_path(path: Path) -> Path:
    """Return the name under which `path` is written."""
    return path.with_name(path.name + TEMPORARY)


def publish(path: Path) -> None:
    """Give the complete, synced temporary file of `path` its name, and put the name on the disk too."""
    os.replace(temporary_path(path), path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on the disk, where the system can and the folder may be read."""
    if os.name == "posix" and os.access(folder, os.R_OK):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, and put the names of all that are new on the disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(missing):
        sync_folder(folder.parent)


def write_json_file(path: Path, content: dict[str, Any]) -> None:
    """Replace `path` by `content` as JSON: a reader sees the old file or the new one."""
    with temporary_path(path).open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    publish(path)
