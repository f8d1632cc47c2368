"""How much memory a process may fill, by what Linux says of its control group."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.index import index_reader
from densephrase.index.index_reader import IndexReader
from densephrase.storage import memory_fit
from densephrase.storage.columns import MappedColumns
from densephrase.storage.memory_fit import fits_memory, memory_size
from tests.build_index.samples import random_documents, write_corpus
from tests.search.fake_encoder import FakeEncoder


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "4096\n"}, 4096),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "8192\n"}, 8192),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, None),
        (
            {
                "proc/self/cgroup": "7:cpu:/c\n4:memory:/c\n",
                "sys/fs/cgroup/memory/c/memory.limit_in_bytes": "16384\n",
                "sys/fs/cgroup/cpu/c/memory.limit_in_bytes": "1\n",
            },
            16384,
        ),
        ({"proc/self/cgroup": "0::/gone\nnonsense\n"}, None),
    ],
    ids=["no limits", "version 2", "in a container", "no limit", "version 1", "no file"],
)
def test_the_smallest_limit_counts(files: dict[str, str], expected: int | None, tmp_path: Path) -> None:
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory_size(write(tmp_path, files)) == (expected or physical)


def test_without_any_size_everything_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_fit, "memory_size", lambda: None)
    assert fits_memory(2**60)
    monkeypatch.setattr(memory_fit, "memory_size", lambda: 100)
    assert fits_memory(50)
    assert not fits_memory(51)


@pytest.fixture
def flat_index(tmp_path: Path) -> Path:
    corpus = write_corpus(tmp_path / "docs.jsonl", random_documents(4))
    build(corpus, tmp_path / "index", encoder=FakeEncoder())
    return tmp_path / "index"


@pytest.mark.skipif(not hasattr(mmap, "MADV_RANDOM"), reason="this system takes no advice about maps")
@pytest.mark.parametrize(("fits", "has_lists"), [(True, True), (False, True), (False, False)])
def test_files_that_do_not_fit_are_read_here_and_there(
    fits: bool, has_lists: bool, built_index: Path, flat_index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = built_index if has_lists else flat_index
    before = IndexReader.open(path)
    asked: list[Path] = []
    advise = MappedColumns.expect_random
    monkeypatch.setattr(index_reader, "fits_memory", lambda size: fits)
    monkeypatch.setattr(MappedColumns, "expect_random", lambda self: asked.append(self.path) or advise(self))
    reader = IndexReader.open(path)
    assert (reader.lists is not None) == has_lists
    assert set(asked) == (set(path.glob("segments/*/*.h5")) if has_lists and not fits else set())
    for shard, same in zip(reader.shards, before.shards, strict=True):
        assert shard.start_codes.tobytes() == same.start_codes.tobytes()
