"""What a measured time depends on besides the code: threads and versions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import densephrase
from densephrase.errors import SearchError

_PACKAGES = ("numpy", "numba", "torch", "tokenizers", "onnxruntime")


def use_threads(threads: int | None = None) -> int:
    """Let torch and numba use so many threads, and return the number; None for what torch would use by itself.

    Raises SearchError when numba was started with fewer.
    """
    import numba
    import torch

    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    if threads is None:
        threads = min(torch.get_num_threads(), most)
    if not 1 <= threads <= most:
        raise SearchError(f"{threads} threads were asked for; between 1 and {most} can be used (NUMBA_NUM_THREADS).")
    torch.set_num_threads(threads)
    numba.set_num_threads(threads)
    return threads


def versions() -> dict[str, str]:
    """Return the versions of this library, of Python and of the packages that do the work."""
    found = {"densephrase": densephrase.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # vendored or built in place: no metadata
            found[package] = "unknown"
    return found
