"""Environment of a measured time: threads and versions."""

from __future__ import annotations

from densephrase.search.plan.threads import check_threads
from densephrase.versions import library_versions

_PACKAGES = ("numpy", "numba", "torch", "tokenizers", "onnxruntime")


def use_threads(threads: int | None = None) -> int:
    """Let torch and numba use so many threads, and return the number; None for what torch would use by itself.

    Raises SearchError when numba was started with fewer.
    """
    import numba
    import torch

    threads = min(torch.get_num_threads(), check_threads(None)) if threads is None else check_threads(threads)
    torch.set_num_threads(threads)
    numba.set_num_threads(threads)
    return threads


def versions() -> dict[str, str]:
    """Return the versions of this library, of Python and of the packages that do the work."""
    found = library_versions(_PACKAGES)
    return found | {package: "unknown" for package in _PACKAGES if package not in found}
