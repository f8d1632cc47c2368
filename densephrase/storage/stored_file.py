"""Which files of an index may be opened: regular ones only.

A folder, a pipe or a device in place of a file is a damaged copy, or a trap.
"""

from __future__ import annotations

from pathlib import Path

from densephrase.errors import IndexFormatError
from densephrase.storage.regular_file import IrregularFileError, open_regular

MISSING = "the file is missing"


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
