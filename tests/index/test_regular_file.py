"""What stands in place of a file of an index: never opened, and named by opening and by verify."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from densephrase.errors import IndexFormatError
from densephrase.index.index_reader import IndexReader
from densephrase.index.info import describe_index
from densephrase.index.verify import verify
from densephrase.storage.regular_file import check_file, file_problem


def _circle(path: Path) -> None:
    path.symlink_to(path)


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # an address must be short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: None, "missing"),
    "a folder": (Path.mkdir, "a folder in place of the file"),
    "a pipe": (os.mkfifo, "a named pipe in place of the file"),
    "a socket": (_socket, "a socket in place of the file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "a device in place of the file"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "missing"),
    "a link to itself": (_circle, "cannot be read"),
    "an empty file": (Path.touch, "readable"),
}
FILES = ["manifest.json", "segments/000001/shard-00001.h5", "segments/000001/ann.h5", "segments/000001/terms.h5"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("put", "problem"), KINDS.values(), ids=list(KINDS))
def test_what_is_no_file_is_refused(index_copy: Path, name: str, put: Callable[[Path], object], problem: str) -> None:
    (index_copy / name).unlink()
    put(index_copy / name)
    with pytest.raises(IndexFormatError, match=problem) as error:
        IndexReader.open(index_copy)
    assert Path(name).name in str(error.value)
    assert any(problem in found and Path(name).name in found for found in verify(index_copy))


@pytest.mark.parametrize("put", [put for put, _ in KINDS.values()], ids=list(KINDS))
def test_verify_opens_no_file_of_the_encoder_but_regular_ones(index_copy: Path, put: Callable[[Path], object]) -> None:
    (index_copy / "encoder" / "config.json").unlink()
    put(index_copy / "encoder" / "config.json")
    assert [problem for problem in verify(index_copy) if problem.startswith("encoder/config.json: ")]


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000, "x\0y"], ids=["long name", "long path", "zero"])
def test_impossible_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(IndexFormatError):
        IndexReader.open(tmp_path / name)
    assert verify(tmp_path / name)
    with pytest.raises(IndexFormatError, match="cannot be read"):
        check_file(tmp_path / name)


def test_a_link_to_a_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    assert file_problem(tmp_path / "link") is None


@pytest.fixture
def deep_folder(index_copy: Path) -> Iterator[None]:
    """A folder of 1,500 levels beside the files of the index, gone afterwards: it is too deep for pytest."""
    here, levels = os.getcwd(), 1500
    os.chdir(index_copy / "segments" / "000001")
    for _ in range(levels):
        os.mkdir("deeper")
        os.chdir("deeper")
    os.chdir(here)
    yield
    os.chdir(index_copy / "segments" / "000001")
    for _ in range(levels):
        os.chdir("deeper")
    for _ in range(levels):
        os.chdir("..")
        os.rmdir("deeper")
    os.chdir(here)


@pytest.mark.usefixtures("deep_folder")
def test_other_folders_are_named_and_not_entered(index_copy: Path) -> None:
    assert verify(index_copy) == ["segments/000001/deeper: the folder is not part of the index"]


@pytest.mark.usefixtures("deep_folder")
def test_what_an_index_takes_counts_its_own_files_only(index_copy: Path) -> None:
    (index_copy / "encoder" / "more").write_bytes(b"x" * 1000)
    (index_copy / "encoder" / "circle").symlink_to("circle")
    counted = describe_index(IndexReader.open(index_copy))["bytes_by_component"]["encoder"]
    assert counted == (index_copy / "encoder" / "config.json").stat().st_size
