"""Checkpoint of an unfinished build: the work it was asked for, and a record of every part that is complete.

The records lie in a folder of the index that goes away when the index is complete. A part without a record is made
again, so it does not matter at which instruction a build was killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, TypeVar

from densephrase.errors import BuildError
from densephrase.index.compact.codebooks import CODEBOOKS_FILE
from densephrase.index.format.manifest_file import ENCODER_FOLDER, MANIFEST_FILE, SEGMENTS_FOLDER
from densephrase.storage.atomic_file import TEMPORARY, make_folder, write_json_file
from densephrase.storage.records import record_from_json, record_to_json
from densephrase.storage.strict_json import decode_json

STATE_FOLDER = "build-state"
_LOCK_FILE = "lock"
_INPUTS = "inputs"
_PARTS = {STATE_FOLDER, ENCODER_FOLDER, CODEBOOKS_FILE, SEGMENTS_FOLDER, MANIFEST_FILE}
_Record = TypeVar("_Record")


class BuildState:
    """The records of the unfinished build in `index_path`; use `locked`."""

    def __init__(self, index_path: Path) -> None:
        self.index_path = index_path
        self.folder = index_path / STATE_FOLDER

    def read(self, name: str, kind: type[_Record]) -> _Record | None:
        """Return the record `name`, or None if that part is not complete.

        Raises:
            BuildError: if it cannot be read; what it vouches for may be hours of work.
        """
        path = self._path(name)
        if not path.exists():
            return None
        try:
            return record_from_json(kind, decode_json(path.read_text(encoding="utf-8")), name)
        except (ValueError, RecursionError) as error:
            raise BuildError(
                f"{path} cannot be read as a record of this version ({error}); nothing was removed. Put it back from a "
                f"copy, or remove {self._without(name)}."
            ) from error

    def write(self, name: str, record: Any) -> None:
        """Record that the part `name` is complete and on the disk."""
        write_json_file(self._path(name), record_to_json(record))

    def check_new(self) -> None:
        """Refuse to begin a build where parts of another one lie that no record of the inputs vouches for.

        Raises:
            BuildError: naming one of them.
        """
        for path in sorted((*self.index_path.iterdir(), *self.folder.iterdir())):
            if path.name not in (STATE_FOLDER, _LOCK_FILE) and not path.name.endswith(TEMPORARY):
                raise BuildError(
                    f"{self.index_path} holds an unfinished build (there is {path}) without the record of its inputs, "
                    f"{self._path(_INPUTS)}; nothing was removed. Put that back from a copy, or remove "
                    f"{self._without(_INPUTS)}."
                )

    def remove_leftovers(self) -> None:
        """Remove files that a killed build had not finished."""
        for path in sorted(self.index_path.rglob(f"*{TEMPORARY}")):
            _remove(path)

    def remove(self) -> None:
        """Forget the build: its index is complete."""
        shutil.rmtree(self.folder)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _without(self, name: str) -> str:
        """Say what to remove if the record `name` is lost."""
        if name == _INPUTS:
            return "the folder of the index to start over"
        return "it to have that part made again"


def check_target(index_path: Path) -> None:
    """Refuse a folder in which an index can be neither begun nor continued.

    Raises:
        BuildError: if it holds a finished index or anything else than an unfinished one.
    """
    if not index_path.exists():
        return
    names = {path.name for path in index_path.iterdir()} if index_path.is_dir() else {index_path.name}
    if MANIFEST_FILE in names and STATE_FOLDER not in names:
        raise BuildError(
            f"{index_path} holds a finished index. Give another folder, or remove this one to build again."
        )
    # Named one by one, because a build removes what it finds half-done: never may that be somebody else's.
    strangers = {name for name in names if name.removesuffix(TEMPORARY) not in _PARTS}
    if strangers or (names and STATE_FOLDER not in names):
        raise BuildError(
            f"{index_path} is neither empty nor an unfinished index (it holds {min(strangers or names)!r}). Give "
            "another folder."
        )


def check_apart(corpus: Path, index_path: Path) -> None:
    """Refuse an index inside its own corpus.

    Raises:
        BuildError: if it would lie there, or one of the paths is none.
    """
    try:  # unlike Path.resolve, realpath takes links that lead in a circle: whoever opens them is told
        inside = Path(os.path.realpath(index_path)).is_relative_to(os.path.realpath(corpus))
    except ValueError as error:
        raise BuildError(f"{index_path!r} and {corpus!r} must be paths: {error}.") from error
    if inside:
        raise BuildError(
            f"{index_path} lies inside the corpus {corpus} and would become part of it. Give another folder."
        )


@contextmanager
def locked(index_path: Path) -> Iterator[BuildState]:
    """Create the index folder where needed and keep other builds out of it.

    Raises:
        BuildError: if another build is at work in it.
    """
    state = BuildState(index_path)
    with _open_lock(state.folder) as lock:
        _acquire(lock.fileno(), index_path)
        # The build that held the lock may have completed and removed it between the two lines above.
        if not _is_current(lock.fileno(), state.folder / _LOCK_FILE):
            raise BuildError(f"Another build has just completed {index_path}; there is nothing left to do.")
        yield state


def _open_lock(folder: Path) -> TextIO:
    while True:
        make_folder(folder)
        with suppress(FileNotFoundError):  # removed by a build that has just completed
            return (folder / _LOCK_FILE).open("a")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)  # its folder may be gone already


def _acquire(descriptor: int, index_path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not a POSIX system: builds must be kept apart by hand
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise BuildError(f"Another build is at work in {index_path}. Wait for it, or stop it.") from error


def _is_current(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
