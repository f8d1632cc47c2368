"""The standard streams of a command: closed ones, and ones that can take no more."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from densephrase.errors import DensePhraseError


class ClosedStreamError(DensePhraseError, OSError):
    """A standard stream that a command needs was closed before it began."""


def occupy_closed() -> None:
    """Put the null device in the places of closed standard streams.

    The next file that is opened would get such a place, and what a library writes to "stderr" would end up in an index.

    Raises:
        ClosedStreamError: if results cannot go anywhere.
    """
    closed = [place for place in (0, 1, 2) if _is_closed(place)]
    for place in closed:
        descriptor = os.open(os.devnull, os.O_RDONLY if place == 0 else os.O_WRONLY)
        if descriptor != place:
            os.dup2(descriptor, place)
            os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (as long as the process)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        raise ClosedStreamError("stdout is closed, so that results would be lost; send them to a file or to /dev/null.")


def open_stdin() -> TextIO:
    """Return stdin; ClosedStreamError if it was closed."""
    if sys.stdin is None:
        raise ClosedStreamError("stdin is closed, so that no questions can be read from it; give a question.")
    return sys.stdin


def discard_output() -> None:
    """Keep the interpreter's last flush from failing again on a stream that takes no more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _is_closed(place: int) -> bool:
    try:
        os.fstat(place)
    except OSError:
        return True
    return False
