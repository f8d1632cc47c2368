"""Opening files that others wrote: regular ones only, since a pipe would wait for ever and a device never ends."""

import os
import stat
from io import BufferedReader
from pathlib import Path

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
