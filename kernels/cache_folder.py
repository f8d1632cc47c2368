"""Folder of the kernels' machine code, which is kept from one process to the next.

In order: the folder that `DENSEPHRASE_NUMBA_CACHE` names, that of `NUMBA_CACHE_DIR`, beside the sources, the user's
cache. Where nothing can be written (containers), a folder of this user among the temporary ones. Each holds a folder
whose name says of which sources, for which processor and by which versions its code was made: code of other sources is
never found, whatever an interrupted or a concurrent write has left.
"""

import logging
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

CACHE_SETTING = "DENSEPHRASE_NUMBA_CACHE"
_PREFIX = "machine-code-"
_KEPT = 8  # folders of other sources or processors that were used last; one of them has about 7 MB
_logger = logging.getLogger(__name__)


class CacheFolders(NamedTuple):
    """Folders to read from, in this order, and the one to write to, None where there is none."""

    readable: tuple[Path, ...]
    writable: Path | None


def choose_folders(name: str, beside: Path) -> CacheFolders:
    """Return the folders for machine code whose sources, processor and versions are called `name`.

    beside: the folder for what is kept beside the sources.

    Warns, naming `DENSEPHRASE_NUMBA_CACHE`, where code goes to a temporary folder or nowhere.
    """
    setting = os.environ.get(CACHE_SETTING, "")
    if setting == "0":
        return CacheFolders((), None)
    places = _places(setting, beside)
    name = _PREFIX + name
    for place in places:
        if (folder := _prepare(place, name)) is not None:
            return CacheFolders((folder,), folder)
    # A read-only installation may have come with its code; who names its folder knows.
    found = tuple(place / name for place in places if os.path.isdir(place / name))
    temporary = _temporary_place()
    folder = None if temporary is None else _prepare(temporary, name)
    if not (found and setting not in ("", "1")):
        kept = "not at all" if folder is None else f"in {temporary}"
        _logger.warning(
            "machine code of kernels is kept %s, because %s cannot be written; the environment variable %s names "
            "another folder",
            kept,
            " and ".join(map(str, places)),
            CACHE_SETTING,
        )
    return CacheFolders(found if folder is None else (*found, folder), folder)


def _places(setting: str, beside: Path) -> list[Path]:
    """Return the folders that are asked, the first first."""
    if setting not in ("", "1"):
        return [Path(os.path.abspath(setting))]
    places = [beside]
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        places.insert(0, Path(os.path.abspath(named)) / "densephrase")
    with suppress(RuntimeError):  # a user without a home
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        places.append(Path(caches) / "densephrase")
    return places


def _prepare(place: Path, name: str) -> Path | None:
    """Return the folder `name` of a place, made where it is missing; None where it cannot be written to."""
    folder = place / name
    try:
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)  # when it was last used
    except OSError:
        return None
    if is_new:
        _forget_old(place)
    return folder


def _forget_old(place: Path) -> None:
    """Remove what was not used for longest; a process that still uses it compiles what it misses."""
    with suppress(OSError):
        folders = sorted(place.glob(f"{_PREFIX}*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in folders[1 + _KEPT :]:
            shutil.rmtree(folder, ignore_errors=True)


def _temporary_place() -> Path | None:
    """Return a temporary folder that this user alone can write to, the same for all his processes.

    Machine code is run, so that a folder which somebody else has put there is not taken.
    """
    with suppress(OSError):
        place = Path(tempfile.gettempdir()) / f"densephrase-kernels-{os.getuid()}"
        place.mkdir(mode=0o700, exist_ok=True)
        found = place.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022:
            return place
    return None
