from __future__ import annotations

import sys

import faiss
import numpy as np
import pytest

from densephrase.errors import DeviceError, MissingExtraError
from densephrase.faiss_device import FaissDevice, cuda_number
from tests.faiss_on_cuda import FakeGpuFaiss


@pytest.mark.parametrize(
    ("name", "number"),
    [("cpu", None), ("cuda", 0), ("cuda:0", 0), ("cuda:12", 12), ("cuda:", None), ("cuda:x", None), ("mps", None)],
)
def test_cuda_devices_are_known_by_their_names(name: str, number: int | None) -> None:
    assert cuda_number(name) == number


@pytest.mark.parametrize(("device", "extra"), [("cpu", "cpu"), ("cuda", "gpu")])
def test_a_missing_faiss_names_the_extra_of_the_device(
    device: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=rf"^Testing needs.*pip install 'densephrase\[{extra}\]'"):
        FaissDevice.open(device, "Testing")


def test_the_processors_build_says_what_to_install_for_cuda() -> None:
    needed, cure = "Testing on 'cuda:1' needs the package 'faiss-gpu'", "pip uninstall faiss-cpu && pip install"
    with pytest.raises(MissingExtraError, match=rf"{needed}.*{cure} 'densephrase\[gpu\]'"):
        FaissDevice.open("cuda:1", "Testing")


@pytest.mark.parametrize(("devices", "name"), [(0, "cuda"), (1, "cuda:1")])
def test_a_device_that_is_not_there_is_named(devices: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeGpuFaiss(devices).install(monkeypatch)
    with pytest.raises(DeviceError, match=rf"'{name}' is not available: FAISS \S+ sees {devices} CUDA devices"):
        FaissDevice.open(name, "Testing")


def test_an_index_stays_where_it_is_on_the_processor() -> None:
    index = faiss.IndexFlatIP(3)
    assert FaissDevice.open("cpu", "Testing").place(index) is index


def test_an_index_is_placed_on_the_device_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeGpuFaiss(devices=3).install(monkeypatch)
    device, index = FaissDevice.open("cuda:2", "Testing"), faiss.IndexFlatIP(3)
    device.place(index)
    device.place(index)
    assert fake.placed == [(2, index)] * 2
    assert len(fake.resources) == 1


def test_a_device_without_memory_says_how_much_was_to_go_there(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeGpuFaiss(error=RuntimeError("cudaMalloc error out of memory")).install(monkeypatch)
    index = faiss.IndexFlatIP(3)
    index.add(np.zeros((1500, 3), np.float32))
    with pytest.raises(DeviceError, match="1,500 vectors of 3 dimensions to CUDA device 0: cudaMalloc"):
        FaissDevice.open("cuda", "Testing").place(index)
