from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.common.matrix_rows import MatrixRows
from densephrase.build_index.lists import code_rows
from densephrase.build_index.lists.code_rows import CodeRows, SegmentRows, sample_rows
from densephrase.storage.columns import write_columns


def random_codes(rows: int, columns: int = 6) -> NDArray[np.int8]:
    """Return codes int8 [rows, columns]."""
    return np.random.default_rng(0).integers(-127, 128, (rows, columns)).astype(np.int8)


def shard_rows(folder: Path, sizes: Sequence[int], codes: NDArray[np.int8]) -> SegmentRows:
    """Write `codes` to shards of the given sizes."""
    paths = [folder / f"{number}.h5" for number in range(len(sizes))]
    for path, part in zip(paths, np.split(codes, np.cumsum(sizes)[:-1]), strict=True):
        write_columns(path, {"start_codes": part}, {})
    return SegmentRows(paths)


@pytest.mark.parametrize("rows_at_once", [1, 7, 65_536])
@pytest.mark.parametrize("sizes", [[50], [30, 0, 41], [0]], ids=["one", "empty-between", "none"])
def test_rows_come_in_order_from_shards_and_from_a_matrix(
    sizes: list[int], rows_at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_rows, "ROWS_AT_ONCE", rows_at_once)
    codes = random_codes(sum(sizes))
    sources: tuple[CodeRows, ...] = (shard_rows(tmp_path, sizes, codes), MatrixRows(codes))
    for rows in sources:
        assert rows.count == len(codes)
        read = list(rows.chunks())
        assert all(first == sum(len(part) for _, part in read[:place]) for place, (first, _) in enumerate(read))
        assert np.array_equal(np.concatenate([np.empty((0, 6), np.int8), *(part for _, part in read)]), codes)


@pytest.mark.parametrize("size", [0, 1, 40, 71])
def test_a_sample_has_each_row_at_most_once_and_in_order(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_rows, "ROWS_AT_ONCE", 10)
    codes = np.stack([np.arange(71), np.arange(71) + 1], axis=1).astype(np.int8)
    sample = sample_rows(MatrixRows(codes), size, 1, seed=3)
    assert sample.shape == (size, 1)
    assert (np.diff(sample[:, 0].astype(int)) > 0).all()
    assert np.array_equal(sample, sample_rows(MatrixRows(codes), size, 1, seed=3))
