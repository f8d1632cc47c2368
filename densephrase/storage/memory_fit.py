"""Size of the memory that the page cache has for an index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def fits_memory(size: int) -> bool:
    """Tell whether so many bytes take at most half of the memory; True where its size is not known."""
    memory = memory_size()
    return memory is None or 2 * size <= memory


def memory_size(root: Path = Path("/")) -> int | None:
    """Return the bytes that this process can fill, files in the page cache included; None where it is not known.

    root: where Linux shows its limits.
    """
    sizes = [limit for path in _limit_files(root) if (limit := _limit(path)) is not None]
    if hasattr(os, "sysconf"):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((size for size in sizes if size > 0), default=None)


def _limit_files(root: Path) -> Iterator[Path]:
    """Yield the files with the limits of the process's control group, of version 2 or 1."""
    try:
        groups = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in groups:
        _, kind, group = f"{line}::".split(":")[:3]
        if not kind:
            yield root / "sys/fs/cgroup" / group.lstrip("/") / "memory.max"
        elif "memory" in kind.split(","):
            yield root / "sys/fs/cgroup/memory" / group.lstrip("/") / "memory.limit_in_bytes"


def _limit(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdecimal() else None  # "max" says that there is no limit
