"""Files out of the page cache, for the time that a search takes whose index was not read before."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np


def evict(path: Path) -> None:
    """Take a file, or all files of a folder, out of the page cache, which only Linux can be asked for.

    What was not written yet is written first. Pages that any process has mapped stay: close what is open before.
    """
    for file in _files(path):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def resident_share(path: Path) -> float:
    """Return which share of a file, or of the files of a folder, lies in the page cache."""
    held = total = 0
    for file in _files(path):
        if not file.stat().st_size:
            continue
        with file.open("rb") as content, mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            pages = np.empty(-(-len(mapped) // mmap.PAGESIZE), np.uint8)
            first = np.frombuffer(mapped, np.uint8)
            arguments = ctypes.c_void_p(first.ctypes.data), ctypes.c_size_t(len(mapped)), pages.ctypes
            failed = ctypes.CDLL(None, use_errno=True).mincore(*arguments)
            del first  # a map cannot be closed while an array stands on it
            if failed:
                raise OSError(ctypes.get_errno(), f"{file}: mincore does not say what lies in the page cache")
        held, total = held + int((pages & 1).sum()), total + pages.size
    return held / max(1, total)


def _files(path: Path) -> Iterator[Path]:
    yield from [path] if path.is_file() else (file for file in path.rglob("*") if file.is_file())
