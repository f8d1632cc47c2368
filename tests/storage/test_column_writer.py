from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from densephrase.storage.column_writer import ColumnWriter
from densephrase.storage.columns import map_columns, write_columns
from tests.soaking import examples

LAYOUT = {"ids": ((10,), "int64"), "codes": ((10, 3), "int8"), "none": ((0, 3), "int8")}
IDS = np.arange(10) * 7
CODES = np.arange(30, dtype=np.int8).reshape(10, 3)
NONE = np.empty((0, 3), np.int8)


@given(order=st.permutations(range(10)), cut=st.integers(0, 10), mapped=st.booleans())
@settings(deadline=None, max_examples=examples(25))
def test_rows_may_come_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cut: int, mapped: bool
) -> None:
    folder = tmp_path_factory.mktemp("writer")
    with ColumnWriter(folder / "a.h5", LAYOUT, {"kind": "x"}) as writer:
        for rows in (order[:cut], order[cut:]):
            if mapped:
                writer.map("ids")[rows] = IDS[rows]
                writer.map("codes")[rows] = CODES[rows]
                writer.release()
            else:
                for row in rows:
                    writer.write("ids", row, IDS[row : row + 1])
                    writer.write("codes", row, CODES[row : row + 1])
        checksums = writer.finish()
    expected = write_columns(folder / "b.h5", {"ids": IDS, "codes": CODES, "none": NONE}, {"kind": "x"})
    assert checksums == expected
    assert (folder / "a.h5").read_bytes() == (folder / "b.h5").read_bytes()


def test_values_are_cast_to_the_column(tmp_path: Path) -> None:
    with ColumnWriter(tmp_path / "a.h5", {"a": ((2,), "int32")}, {}) as writer:
        writer.write("a", 0, np.array([1, 2], np.int64))
        writer.finish()
    assert map_columns(tmp_path / "a.h5")["a"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("row", "rows"),
    [(9, CODES[:2]), (-1, CODES[:1]), (0, CODES[:, :2]), (0, IDS)],
    ids=["beyond", "before", "narrow", "flat"],
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, row: int, rows: np.ndarray) -> None:
    with ColumnWriter(tmp_path / "a.h5", LAYOUT, {}) as writer, pytest.raises(ValueError, match="do not fit column"):
        writer.write("codes", row, rows)


def test_an_unfinished_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), ColumnWriter(tmp_path / "a.h5", LAYOUT, {}) as writer:
        writer.map("ids")[:] = 1
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
