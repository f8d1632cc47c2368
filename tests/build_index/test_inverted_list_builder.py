from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from densephrase.build_index import inverted_list_builder
from densephrase.build_index.inverted_list_builder import ListSettings, _places, list_count, write_inverted_lists
from densephrase.encoder.quantiser import VectorQuantiser
from densephrase.errors import MissingExtraError
from densephrase.index.columns import map_columns, write_columns


@pytest.mark.parametrize(
    ("starts", "lists"), [(0, 1), (1, 1), (100, 8), (2_000_000, 1024), (10_000_000, 4096), (10**9, 4096)]
)
def test_list_count(starts: int, lists: int) -> None:
    assert list_count(starts) == lists


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 20))
def test_rows_are_placed_as_a_stable_sort_would(lists: list[int], chunk: int) -> None:
    assigned = np.array(lists, np.int32)
    counts = np.bincount(assigned, minlength=6)
    filled = np.cumsum([0, *counts])[:-1].astype(np.int64)
    ids = np.full(len(assigned), -1)
    for first in range(0, len(assigned), chunk):
        places, order = _places(assigned[first : first + chunk], filled)
        ids[places] = first + order
    assert ids.tolist() == np.argsort(assigned, kind="stable").tolist()


def _shards(tmp_path: Path, sizes: Sequence[int]) -> list[Path]:
    random = np.random.default_rng(0)
    paths = []
    for number, size in enumerate(sizes):
        paths.append(tmp_path / f"{number}.h5")
        write_columns(paths[-1], {"start_codes": random.integers(-127, 128, (size, 6)).astype(np.int8)}, {})
    return paths


@pytest.mark.parametrize("sizes", [[50], [30, 0, 41], [3]], ids=["one", "empty-between", "fewer-rows-than-lists"])
@pytest.mark.parametrize("rows_at_once", [7, 65_536])
@pytest.mark.parametrize("dimensions", [2, 64], ids=["first dimensions", "all dimensions"])
def test_any_shards_and_chunks_give_the_same_lists(
    tmp_path: Path, sizes: list[int], rows_at_once: int, dimensions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    quantiser = VectorQuantiser(np.zeros(6, np.float32), np.ones(6, np.float32))
    shards = _shards(tmp_path, sizes)
    advanced: list[int] = []
    monkeypatch.setattr(inverted_list_builder, "_ROWS_AT_ONCE", rows_at_once)
    settings = ListSettings(vector_size=4, dimensions=dimensions, lists=5, seed=0)
    record = write_inverted_lists(shards, tmp_path / "ann.h5", quantiser, settings, advanced.append)
    columns = map_columns(tmp_path / "ann.h5")
    codes = np.concatenate([map_columns(path)["start_codes"] for path in shards])[:, : min(dimensions, 4)]
    assert record.dimensions == min(dimensions, 4)
    assert columns["ids"].dtype == np.int32
    assert record.lists == min(5, len(codes))
    assert sum(advanced) == 2 * len(codes)
    assert sorted(columns["ids"].tolist()) == list(range(len(codes)))
    assert np.array_equal(columns["codes"], codes[columns["ids"]])


def test_a_missing_faiss_names_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    quantiser = VectorQuantiser(np.zeros(6, np.float32), np.ones(6, np.float32))
    with pytest.raises(MissingExtraError, match=r"pip install 'densephrase\[cpu\]'"):
        settings = ListSettings(vector_size=4, dimensions=4, lists=5, seed=0)
        write_inverted_lists(_shards(tmp_path, [9]), tmp_path / "ann.h5", quantiser, settings, lambda _: None)
