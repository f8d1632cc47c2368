"""Opening files that others wrote: regular ones only, since a pipe would wait for ever and a device never ends.

A folder, a pipe or a device in place of a file of an index is a damaged copy, or a trap.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader
from pathlib import Path

from densephrase.errors import IndexFormatError

MISSING = "the file is missing"
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class IrregularFileError(OSError):
    """A path leads to something that is no regular file; `kind` says what it is."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"it is {kind}; only regular files are read, so copy what it holds into one")
        self.kind = kind


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one, for reading bytes; never waits.

    Raises:
        IrregularFileError: if it is a folder, a pipe, a socket or a device.
        OSError: if it is missing or cannot be opened, also for a name with a NUL.
    """
    try:
        _refuse(os.stat(path))  # before it is opened: to open a pipe and close it again ends whoever writes to it
    except ValueError as error:  # a name with a NUL
        raise OSError(str(error)) from error
    stream = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 (handed to the caller)
    try:
        _refuse(os.fstat(stream.fileno()))
    except OSError:
        stream.close()
        raise
    return stream


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "no file")
        raise IrregularFileError(kind)


def file_problem(path: Path) -> str | None:
    """Return why `path` must not or cannot be opened for reading, None where it can; links are followed."""
    try:
        open_regular(path).close()
    except IrregularFileError as error:
        return f"there is {error.kind} in place of the file"
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except OSError as error:  # a name too long, links in a circle, no permission
        return f"the file cannot be read ({reason(error)})"
    return None


def check_file(path: Path) -> None:
    """Raise IndexFormatError where `file_problem` finds one."""
    if problem := file_problem(path):
        raise IndexFormatError(f"{path}: {problem}; copy the whole index or rebuild it")


def reason(error: Exception) -> str:
    """Return what an error says, without the path, which stands beside it."""
    return getattr(error, "strerror", None) or str(error)
