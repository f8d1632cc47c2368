"""Rows that outlive the process that measures them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.kept_rows import KeptRows

MEASURED = {"index": "a"}


def test_rows_are_kept_in_a_file(tmp_path: Path) -> None:
    with KeptRows(tmp_path / "rows", MEASURED) as kept:
        kept.add([{"right": True}])
        assert (tmp_path / "rows").read_text() == '{"index": "a"}\n{"right": true}\n'
    with KeptRows(tmp_path / "rows", MEASURED) as kept:
        kept.add([{"right": False}])
    with KeptRows(tmp_path / "rows", MEASURED) as kept:
        assert kept.rows == [{"right": True}, {"right": False}]


def test_rows_without_a_file_stay_in_memory() -> None:
    with KeptRows(None, MEASURED) as kept:
        kept.add([{"right": True}])
    assert kept.rows == [{"right": True}]


@pytest.mark.parametrize("cut", [b'{"ri', b'{"right": false}', b"\xff\xfe"], ids=["within", "before the end", "bytes"])
def test_a_row_that_was_cut_off_is_left_out(tmp_path: Path, cut: bytes) -> None:
    with KeptRows(tmp_path / "rows", MEASURED) as kept:
        kept.add([{"right": True}])
    whole = (tmp_path / "rows").read_bytes()
    (tmp_path / "rows").write_bytes(whole + cut)
    with KeptRows(tmp_path / "rows", MEASURED) as kept:
        assert kept.rows == [{"right": True}]
    assert (tmp_path / "rows").read_bytes() == whole


@pytest.mark.parametrize(
    "content", ['{"index": "b"}\n', "[]\n", "{\n", "{}"], ids=["other", "list", "broken", "cut off"]
)
def test_rows_of_something_else_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "rows").write_text(content)
    with pytest.raises(SystemExit, match="name another file"):
        KeptRows(tmp_path / "rows", MEASURED)
    assert (tmp_path / "rows").read_text() == content
