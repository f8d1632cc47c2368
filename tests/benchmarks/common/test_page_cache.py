"""What lies in the page cache, and files that are taken out of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.common.page_cache import evict, resident_share

pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="only Linux can be asked")


def test_what_was_written_is_there_until_it_is_taken_out(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "empty").touch()
    for name in ("one", "inner/two"):
        (tmp_path / name).write_bytes(bytes(100_000))
    assert resident_share(tmp_path) == resident_share(tmp_path / "one") == 1
    evict(tmp_path / "one")
    if resident_share(tmp_path / "one"):
        pytest.skip("the folder of the tests lies in memory")
    assert resident_share(tmp_path) == 0.5
    evict(tmp_path)
    assert resident_share(tmp_path) == 0


def test_nothing_has_no_share(tmp_path: Path) -> None:
    assert resident_share(tmp_path) == 0
