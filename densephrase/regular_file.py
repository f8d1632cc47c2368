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


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file, or a link to one, for reading bytes; raises OSError for everything else, without waiting."""
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
        raise OSError(f"it is {kind}; only regular files are read, so copy what it holds into one")
