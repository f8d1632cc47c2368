"""Where machine code is kept, and where not."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

import pytest

from densephrase.kernels import cache_folder
from densephrase.kernels.cache_folder import CacheFolders, choose_folders

NAME = "machine-code-stamp"


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DENSEPHRASE_NUMBA_CACHE", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def closed(place: Path) -> Path:
    """A place that nobody, not even root, can make a folder in."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    return place


def only(folder: Path) -> CacheFolders:
    return CacheFolders((folder,), folder)


def test_beside_the_sources_else_the_users_cache(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert choose_folders("stamp", tmp_path / "beside") == only(tmp_path / "beside" / NAME)
    assert choose_folders("stamp", closed(tmp_path / "shut")) == only(
        tmp_path / "home" / ".cache" / "densephrase" / NAME
    )
    assert not caplog.records


def test_named_folders_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    assert choose_folders("stamp", tmp_path / "beside") == only(tmp_path / "numba" / "densephrase" / NAME)
    monkeypatch.setenv("DENSEPHRASE_NUMBA_CACHE", "1")
    assert choose_folders("stamp", tmp_path / "beside") == only(tmp_path / "numba" / "densephrase" / NAME)
    monkeypatch.setenv("DENSEPHRASE_NUMBA_CACHE", str(tmp_path / "named"))
    assert choose_folders("stamp", tmp_path / "beside") == only(tmp_path / "named" / NAME)
    monkeypatch.setenv("DENSEPHRASE_NUMBA_CACHE", "0")
    assert choose_folders("stamp", tmp_path / "beside") == CacheFolders((), None)


def test_a_temporary_folder_with_one_line_where_nothing_can_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed(tmp_path / "home")
    temporary = tmp_path / f"densephrase-kernels-{os.getuid()}"
    for _ in range(2):
        caplog.clear()
        assert choose_folders("stamp", closed(tmp_path / "shut")) == only(temporary / NAME)
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert f"is kept in {temporary}," in record.getMessage()
        assert "DENSEPHRASE_NUMBA_CACHE" in record.getMessage()
    assert temporary.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("spoil", ["open to all", "a link", "a file"])
def test_a_temporary_folder_of_somebody_else_is_not_trusted(
    spoil: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closed(tmp_path / "home")
    temporary = tmp_path / f"densephrase-kernels-{os.getuid()}"
    if spoil == "open to all":
        temporary.mkdir()
        temporary.chmod(0o777)
    elif spoil == "a link":
        (tmp_path / "elsewhere").mkdir()
        temporary.symlink_to(tmp_path / "elsewhere")
    else:
        temporary.touch()
    assert choose_folders("stamp", closed(tmp_path / "shut")) == CacheFolders((), None)
    assert "is kept not at all" in caplog.text


def test_a_read_only_installation_may_come_with_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "beside" / NAME).mkdir(parents=True)
    closed(tmp_path / "home")
    prepare = cache_folder._prepare
    monkeypatch.setattr(
        cache_folder,
        "_prepare",
        lambda place, name: None if place == tmp_path / "beside" else prepare(place, name),
    )
    written = tmp_path / f"densephrase-kernels-{os.getuid()}" / NAME
    expected = CacheFolders((tmp_path / "beside" / NAME, written), written)
    assert choose_folders("stamp", tmp_path / "beside") == expected
    assert len(caplog.records) == 1
    monkeypatch.setenv("DENSEPHRASE_NUMBA_CACHE", str(tmp_path / "beside"))
    assert choose_folders("stamp", tmp_path) == expected
    assert len(caplog.records) == 1


def test_what_was_not_used_for_longest_is_removed(tmp_path: Path) -> None:
    for number in range(12):
        choose_folders(f"{number:02}", tmp_path / "beside")
        os.utime(tmp_path / "beside" / f"machine-code-{number:02}", (number, number))
    (tmp_path / "beside" / "module.pyc").touch()
    choose_folders("new", tmp_path / "beside")
    kept = sorted(path.name for path in (tmp_path / "beside").iterdir())
    assert kept == [*(f"machine-code-{number:02}" for number in range(4, 12)), "machine-code-new", "module.pyc"]
