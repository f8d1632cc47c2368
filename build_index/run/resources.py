"""Memory and disk: give free memory back to the system, and stop before the disk would be full."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from densephrase.errors import DiskSpaceError

MARGIN = 1.1

FreeBytes = Callable[[Path], int]


def trim_memory() -> None:
    """Return free pages of the heap to the system, where its C library can (glibc's malloc_trim); elsewhere do nothing.

    An encoder's batches differ in shape, and glibc keeps the holes between them: 5,900 paragraphs grew to 2.7 GB, and
    on, without this, and to 0.8 GB with it; each call took 20 ms.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], int] | None:
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None
    return trim


def free_bytes(folder: Path) -> int:
    """Return how much may still be written to the disk that holds `folder`."""
    return shutil.disk_usage(folder).free


def check_space(needed: int, index_path: Path, free: int) -> None:
    """Stop if `needed` more bytes, and a margin, are not free.

    Raises:
        DiskSpaceError: with both figures.
    """
    if needed * MARGIN > free:
        raise DiskSpaceError(
            f"The index needs about {needed * MARGIN / 1e6:,.0f} MB more on the disk of {index_path} (estimated from a "
            f"sample, with a margin of {MARGIN - 1:.0%}), but only {free / 1e6:,.0f} MB are free. Free some space or "
            "give a folder on another disk."
        )
