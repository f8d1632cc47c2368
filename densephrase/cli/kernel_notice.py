"""Says on stderr that kernels are compiled, once a command, and how far that is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from densephrase.cli.output import note

_LOGGER = "densephrase.kernels"
_SECONDS = 5.0  # from one line to the next
_USUAL = 90  # kernels that a first question needs


class KernelNotice(logging.Handler):
    """Shows what the kernels' logger says: one record before each kernel that is compiled, and warnings as they are."""

    def __init__(self) -> None:
        super().__init__()
        self._compiled = 0
        self._began = self._said = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line for the first kernel, and then every few seconds."""
        if record.levelno >= logging.WARNING:
            note(f"warning: {record.getMessage()}")
            return
        now = monotonic()
        if not self._compiled:
            self._began = self._said = now
            note("compiling kernels for this processor, which takes about half a minute the first time ...")
        elif now - self._said >= _SECONDS:
            self._said = now
            note(f"compiling kernels: {self._compiled} of about {_USUAL} after {now - self._began:.0f} s")
        self._compiled += 1


@contextmanager
def kernel_notice() -> Iterator[None]:
    """Show meanwhile that kernels are compiled."""
    logger, handler = logging.getLogger(_LOGGER), KernelNotice()
    former = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # what stands above would write a line for each kernel
    try:
        yield
    finally:
        logger.setLevel(former[0])
        logger.propagate = former[1]
        logger.removeHandler(handler)
