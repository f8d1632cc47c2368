"""FAISS on the processor or on a CUDA device: which build of it is there, and how an index gets onto the device.

FAISS comes as two packages with one module, `faiss`: faiss-cpu and faiss-gpu. Only the latter knows CUDA devices.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from densephrase.errors import DeviceError, MissingExtraError

_CUDA = re.compile(r"cuda(?::(\d+))?")


def cuda_number(device: str) -> int | None:
    """Return the number of a CUDA device by its name, None for any other device: 1 for "cuda:1", 0 for "cuda"."""
    match = _CUDA.fullmatch(device)
    return int(match[1] or 0) if match else None


class FaissDevice:
    """The module `faiss`, and the device that its indexes are placed on: `gpu` is a number, None for the processor."""

    def __init__(self, faiss: Any, gpu: int | None) -> None:
        self.faiss, self.gpu = faiss, gpu
        self._resources = None if gpu is None else faiss.StandardGpuResources()

    @classmethod
    def open(cls, device: str, purpose: str) -> FaissDevice:
        """Load FAISS for a device: "cuda", "cuda:1", ...; any other name is the processor.

        purpose: what needs it, the beginning of the sentence that says that it is missing.

        Raises:
            MissingExtraError: if FAISS is not installed, or a build of it that knows no CUDA for a CUDA device.
            DeviceError: if there is no such CUDA device.
        """
        gpu = cuda_number(device)
        try:
            faiss = import_module("faiss")
        except ImportError as error:
            raise MissingExtraError("faiss", purpose, "cpu" if gpu is None else "gpu") from error
        if gpu is not None:
            _check_gpu(faiss, gpu, device, purpose)
        return cls(faiss, gpu)

    def place(self, index: Any) -> Any:
        """Return a FAISS index as it is, or copied to the CUDA device; searching the copy gives CPU arrays again.

        Raises:
            DeviceError: if it cannot be copied, mostly for want of memory.
        """
        if self.gpu is None:
            return index
        try:
            return self.faiss.index_cpu_to_gpu(self._resources, self.gpu, index)
        except RuntimeError as error:
            raise DeviceError(
                f"FAISS cannot copy an index of {index.ntotal:,} vectors of {index.d} dimensions to CUDA device "
                f"{self.gpu}: {error}. Give the device 'cpu', or one with more free memory."
            ) from error


def _check_gpu(faiss: Any, gpu: int, device: str, purpose: str) -> None:
    if not hasattr(faiss, "StandardGpuResources"):
        raise MissingExtraError("faiss-gpu", f"{purpose} on {device!r}", "gpu", instead_of="faiss-cpu")
    found = faiss.get_num_gpus()
    if gpu >= found:
        raise DeviceError(
            f"The device {device!r} is not available: FAISS {faiss.__version__} sees {found} CUDA devices. Use 'cpu', "
            "or install a driver that fits CUDA 12."
        )
