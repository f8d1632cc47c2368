from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.common.matrix_rows import MatrixRows
from densephrase.build_index.lists import code_rows
from densephrase.build_index.lists.code_rows import SegmentRows
from densephrase.build_index.lists.inverted_list_builder import ListSettings, _places, write_inverted_lists
from densephrase.index.format.index_parts import Quantisation
from densephrase.index.lists.inverted_lists import InvertedLists
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.storage.columns import map_columns, write_columns

QUANTISER = VectorQuantiser(np.zeros(6, np.float32), np.ones(6, np.float32))


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 20))
def test_rows_are_placed_as_a_stable_sort_would(groups: list[int], chunk: int) -> None:
    assigned = np.array(groups, np.int64)
    counts = np.bincount(assigned, minlength=6)
    filled = np.cumsum([0, *counts])[:-1].astype(np.int64)
    ids = np.full(len(assigned), -1)
    for first in range(0, len(assigned), chunk):
        places, order = _places(assigned[first : first + chunk], filled)
        ids[places] = first + order
    assert ids.tolist() == np.argsort(assigned, kind="stable").tolist()


@pytest.mark.parametrize("sizes", [[90], [30, 0, 61], [3]], ids=["one", "empty-between", "fewer-rows-than-lists"])
@pytest.mark.parametrize("rows_at_once", [7, 65_536])
@pytest.mark.parametrize("dimensions", [2, 64], ids=["first dimensions", "all dimensions"])
def test_any_shards_and_chunks_give_every_row_to_its_nearest_list(
    tmp_path: Path, sizes: list[int], rows_at_once: int, dimensions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_rows, "ROWS_AT_ONCE", rows_at_once)
    codes = np.random.default_rng(0).integers(-127, 128, (sum(sizes), 6)).astype(np.int8)
    paths = [tmp_path / f"{number}.h5" for number in range(len(sizes))]
    for path, part in zip(paths, np.split(codes, np.cumsum(sizes)[:-1]), strict=True):
        write_columns(path, {"start_codes": part}, {})
    advanced: list[int] = []
    settings = ListSettings(vector_size=4, dimensions=dimensions, lists=12, seed=0)
    record = write_inverted_lists(SegmentRows(paths), tmp_path / "ann.h5", QUANTISER, settings, advanced.append)
    lists = InvertedLists.open(tmp_path / "ann.h5", record, len(codes), Quantisation("int8", 4, 2))
    assert (record.lists, record.dimensions) == (min(12, len(codes)), min(dimensions, 4))
    assert record.groups == len(lists.tree.group_codes) <= 4
    assert sum(advanced) == 2 * len(codes)
    assert lists.ids.dtype == np.int32
    assert sorted(lists.ids.tolist()) == list(range(len(codes)))
    assert np.array_equal(lists.codes, codes[lists.ids, : min(dimensions, 4)])
    list_of_row = np.repeat(np.arange(record.lists), np.diff(lists.list_ptr))
    assert np.array_equal(np.lexsort((lists.ids, list_of_row)), np.arange(len(codes)))
    # There are no more than four groups, so that every row was compared with every list.
    distances = np.square(codes[lists.ids, None, :4].astype(int) - lists.tree.list_codes[None].astype(int)).sum(2)
    assert (distances[np.arange(len(codes)), list_of_row] == distances.min(1)).all()


def test_a_matrix_and_a_shard_of_the_same_rows_give_equal_files(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(-127, 128, (300, 6)).astype(np.int8)
    write_columns(tmp_path / "shard.h5", {"start_codes": codes}, {})
    settings = ListSettings(vector_size=6, dimensions=6, lists=None, seed=0)
    for name, rows in (("matrix", MatrixRows(codes)), ("shard", SegmentRows([tmp_path / "shard.h5"]))):
        write_inverted_lists(rows, tmp_path / f"{name}-ann.h5", QUANTISER, settings, lambda _: None)
    assert (tmp_path / "matrix-ann.h5").read_bytes() == (tmp_path / "shard-ann.h5").read_bytes()
    assert len(map_columns(tmp_path / "matrix-ann.h5")["ids"]) == 300
