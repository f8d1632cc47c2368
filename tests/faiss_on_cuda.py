"""The GPU build of FAISS: the real one where there is a device, and one that needs none."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import faiss
import pytest

from densephrase.errors import DeviceError, MissingExtraError
from densephrase.faiss_device import FaissDevice


def cuda_faiss() -> FaissDevice:
    """Return FAISS on the first CUDA device; skip the test where there is none, saying what is missing."""
    try:
        return FaissDevice.open("cuda", "This test")
    except (MissingExtraError, DeviceError) as error:
        pytest.skip(str(error))


class FakeGpuFaiss(ModuleType):
    """faiss-cpu with the calls that only the GPU build has; copying to one of its `devices` leaves an index as it is.

    It remembers which indexes were put on which device.
    """

    def __init__(self, devices: int = 1, error: Exception | None = None) -> None:
        super().__init__("faiss")
        self._devices, self._error = devices, error
        self.placed: list[tuple[int, Any]] = []
        self.resources: list[object] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(faiss, name)

    def get_num_gpus(self) -> int:
        return self._devices

    def StandardGpuResources(self) -> object:
        self.resources.append(object())
        return self.resources[-1]

    def index_cpu_to_gpu(self, resources: object, device: int, index: Any) -> Any:
        assert resources in self.resources
        assert 0 <= device < self._devices
        if self._error is not None:
            raise self._error
        self.placed.append((device, index))
        return index

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeGpuFaiss:
        """Let `import faiss` find it."""
        monkeypatch.setitem(sys.modules, "faiss", self)
        return self
