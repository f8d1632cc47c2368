"""Builds on a CUDA device: everything but the device itself, for which FAISS and torch on the processor stand."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.common.matrix_rows import MatrixRows
from densephrase.build_index.lists import cuda_assignment
from densephrase.build_index.lists.inverted_list_builder import ListSettings, write_inverted_lists
from densephrase.build_index.lists.list_training import train_lists
from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.errors import DeviceError, MissingExtraError
from densephrase.index.format.index_parts import Quantisation
from densephrase.index.format.manifest import Manifest
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.quantise.scalar import VectorQuantiser
from tests.faiss_on_cuda import FakeGpuFaiss, cuda_faiss
from tests.search.fake_encoder import FakeEncoder

LISTS = BuildOptions(shard_characters=800, flat_limit=10, lists=8)
CODES = np.random.default_rng(0).integers(-127, 128, (3000, 6)).astype(np.int8)
QUANTISER = VectorQuantiser(np.zeros(6, np.float32), np.ones(6, np.float32))


@pytest.fixture
def faiss(monkeypatch: pytest.MonkeyPatch) -> FakeGpuFaiss:
    """Let FAISS and torch believe that there are two CUDA devices."""
    monkeypatch.setattr(cuda_assignment, "find_device", lambda name: torch.device("cpu"))
    return FakeGpuFaiss(devices=2).install(monkeypatch)


def test_centroids_are_trained_on_the_device_and_are_the_same(faiss: FakeGpuFaiss) -> None:
    scale = np.ones(6, np.float32)
    on_device = train_lists(CODES, scale, 40, 8, seed=3, device="cuda:1")
    assert {place for place, _ in faiss.placed} == {1}
    assert len(faiss.placed) == 1 + len(on_device.group_codes)
    on_processor = train_lists(CODES, scale, 40, 8, seed=3)
    assert np.array_equal(on_device.group_codes, on_processor.group_codes)
    assert np.array_equal(on_device.group_ptr, on_processor.group_ptr)
    assert np.array_equal(on_device.list_codes, on_processor.list_codes)


def test_lists_made_on_a_device_are_the_same(faiss: FakeGpuFaiss, tmp_path: Path) -> None:
    for device in ("cpu", "cuda"):
        settings = ListSettings(vector_size=6, dimensions=4, lists=40, seed=0, device=device)
        write_inverted_lists(MatrixRows(CODES), tmp_path / f"{device}.h5", QUANTISER, settings, lambda _: None)
    assert (tmp_path / "cpu.h5").read_bytes() == (tmp_path / "cuda.h5").read_bytes()
    assert faiss.placed


def test_the_device_of_the_encoder_fits_the_lists(faiss: FakeGpuFaiss, corpus: Path, tmp_path: Path) -> None:
    manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(device="cuda:1"), options=LISTS)  # type: ignore[arg-type]
    assert {place for place, _ in faiss.placed} == {1}
    assert manifest.versions["device"] == "cuda"


def test_a_build_on_the_processor_names_no_device(corpus: Path, tmp_path: Path) -> None:
    manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=LISTS)  # type: ignore[arg-type]
    assert "device" not in manifest.versions


def test_a_build_that_goes_on_on_another_device_is_warned_of(
    faiss: FakeGpuFaiss, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("densephrase.build_index.pipeline.write_inverted_lists", _interrupt)
        build(corpus, tmp_path / "index", encoder=FakeEncoder(device="cuda"), options=LISTS)  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(), options=LISTS)  # type: ignore[arg-type]
    assert "its bytes may differ" in caplog.text
    assert manifest.versions["device"] == "cuda"  # where it was begun
    assert Manifest.load(tmp_path / "index").segments[0].ann.lists == 8


def test_a_missing_gpu_build_stops_the_build_before_the_first_shard(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"Fitting the inverted lists.*pip install 'densephrase\[gpu\]'"):
        build(corpus, tmp_path / "index", encoder=FakeEncoder(device="cuda"), options=LISTS)  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("shard*"))


def test_a_missing_device_stops_the_build_before_the_first_shard(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeGpuFaiss(devices=0).install(monkeypatch)
    with pytest.raises(DeviceError, match="sees 0 CUDA devices"):
        build(corpus, tmp_path / "index", encoder=FakeEncoder(device="cuda"), options=LISTS)  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("shard*"))


def test_a_small_index_needs_no_faiss(corpus: Path, tmp_path: Path) -> None:
    manifest = build(corpus, tmp_path / "index", encoder=FakeEncoder(device="cuda"))  # type: ignore[arg-type]
    assert manifest.segments[0].ann.kind == "flat"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.gpu
def test_lists_of_a_real_device_hold_rows_as_near_as_those_of_the_processor(tmp_path: Path) -> None:
    cuda_faiss()
    errors = {}
    for device in ("cpu", "cuda"):
        settings = ListSettings(vector_size=6, dimensions=6, lists=40, seed=0, device=device)
        path = tmp_path / f"{device}.h5"
        record = write_inverted_lists(MatrixRows(CODES), path, QUANTISER, settings, lambda _: None)
        lists = InvertedLists.open(path, record, len(CODES), Quantisation("int8", 6, 0))
        centroids = np.repeat(lists.tree.centroids(QUANTISER), np.diff(lists.list_ptr), axis=0)
        assert sorted(lists.ids.tolist()) == list(range(len(CODES)))
        errors[device] = np.square(lists.codes - centroids).sum(1).mean()
    assert errors["cuda"] == pytest.approx(errors["cpu"], rel=0.05)
