"""The page on the index format names the columns that builds write, and their types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from densephrase.build_index.pipeline import build
from densephrase.build_index.run.options import BuildOptions
from densephrase.index.format.shard_format import PLACE
from densephrase.storage.columns import map_columns
from tests.build_index.samples import random_documents, write_corpus
from tests.search.fake_encoder import FakeEncoder

PAGE = Path(__file__).resolve().parents[3] / "docs" / "format.md"
FILES = ("shard-*.h5", "ann.h5", "ends.h5", "codebooks.h5", "terms.h5")


@pytest.fixture(scope="module")
def compact_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compact")
    corpus = write_corpus(folder / "docs.jsonl", random_documents(24))
    build(corpus, folder / "index", encoder=FakeEncoder(sparc_size=8), options=BuildOptions(profile="compact"))
    return folder / "index"


def documented(file: str) -> dict[str, str]:
    """Return the cell of types of each column in the section of a file."""
    page = PAGE.read_text(encoding="utf-8")
    [section] = re.findall(rf"^## {re.escape(file)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return {name: cells[2] for cells in rows for name in re.findall(r"`(\w+)`", cells[1])}


def written(index: Path, file: str) -> dict[str, str]:
    """Return the type of each column of the files of a name; H stands for the number of a head."""
    columns = [map_columns(path) for path in sorted(index.rglob(file))]
    return {re.sub(r"_\d_", "_H_", name): str(found[name].dtype) for found in columns for name in found}


@pytest.mark.parametrize("file", FILES)
def test_the_page_has_the_columns_of_both_profiles(built_index: Path, compact_index: Path, file: str) -> None:
    types = {**written(compact_index, file), **written(built_index, file)}  # of both: the default profile's
    page = documented(file)
    assert page.keys() == types.keys()
    for name, dtype in types.items():
        assert dtype in page[name] or (dtype in PLACE and "place" in page[name]), name


def test_the_page_has_a_section_for_every_file(built_index: Path, compact_index: Path) -> None:
    names = {path.name for index in (built_index, compact_index) for path in index.rglob("*.h5")}
    assert {re.sub(r"-\d+", "-*", name) for name in names} == set(FILES)
    assert set(re.findall(r"^## (\S+\.h5)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == set(FILES)
