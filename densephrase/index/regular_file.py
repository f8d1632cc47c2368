"""Which files of an index may be opened: regular ones only.

Opening a pipe waits for ever, a device never ends, and a folder in place of a file is a damaged copy.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from densephrase.errors import IndexFormatError

MISSING = "the file is missing"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def file_problem(path: Path) -> str | None:
    """Return why `path` must not or cannot be opened for reading, None where it can; links are followed."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind != stat.S_IFREG:
            return f"there is {_KINDS.get(kind, 'something else')} in place of the file"
        os.close(os.open(path, os.O_RDONLY))  # os.access does not count all rights that a process may have
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except (OSError, ValueError) as error:  # a name too long, links in a circle, no permission, a zero in the name
        return f"the file cannot be read ({reason(error)})"
    return None


def check_file(path: Path) -> None:
    """Raise IndexFormatError where `file_problem` finds one."""
    if problem := file_problem(path):
        raise IndexFormatError(f"{path}: {problem}; copy the whole index or rebuild it")


def reason(error: Exception) -> str:
    """Return what an error says, without the path, which stands beside it."""
    return getattr(error, "strerror", None) or str(error)
