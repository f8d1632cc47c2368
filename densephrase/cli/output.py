"""Where the command line writes: results to stdout, everything else to stderr, control characters made visible.

Names of files and what other people's files hold can stand in everything that is written; all of it passes here.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from densephrase.cli.control_characters import escaped, escaped_json

if TYPE_CHECKING:
    from rich.console import Console

_Item = TypeVar("_Item")


def write_json(value: Any) -> None:
    """Write one JSON object on one line of stdout, at once."""
    utf = str(getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    sys.stdout.write(escaped_json(json.dumps(value, ensure_ascii=not utf)) + "\n")
    sys.stdout.flush()


def write_table(rows: Iterable[tuple[str, str]]) -> None:
    """Write lines of a name and a value to stdout, values below each other."""
    lines = list(rows)
    width = max((len(name) for name, _ in lines), default=0)
    write_lines(f"{name:<{width}}  {value}" for name, value in lines)


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to stdout."""
    sys.stdout.writelines(f"{escaped(line)}\n" for line in lines)


def note(text: str) -> None:
    """Write a line for people to stderr, above a progress bar where there is one."""
    progress = sys.modules.get("tqdm")
    with progress.tqdm.external_write_mode(file=sys.stderr) if progress else nullcontext():
        sys.stderr.write(escaped(text) + "\n")
        sys.stderr.flush()


class Parser(argparse.ArgumentParser):
    """A parser of arguments whose messages are visible too."""

    def _print_message(self, message: str, file: Any = None) -> None:
        super()._print_message("\n".join(map(escaped, message.split("\n"))), file)


class _Notes(logging.Handler):
    """Writes what is logged as notes: progress with the time of day, warnings as such."""

    def emit(self, record: logging.LogRecord) -> None:
        form = "warning: %(message)s" if record.levelno >= logging.WARNING else "%(asctime)s %(message)s"
        try:
            note(logging.Formatter(form, "%H:%M:%S").format(record))
        except Exception:  # as every handler: what cannot be logged is no reason to stop
            self.handleError(record)


@contextmanager
def log_on_stderr() -> Iterator[None]:
    """Write what the library logs to stderr: warnings, and what `follow_log` asks for."""
    logger, handler = logging.getLogger("densephrase"), _Notes()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextmanager
def follow_log(name: str) -> Iterator[None]:
    """Let the logger `name` and those below it tell progress too."""
    logger = logging.getLogger(name)
    former = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(former)


def console() -> Console:
    """Return a console on stdout: colours and wrapped lines on a terminal, plain unbroken lines elsewhere."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def follow(items: Iterable[_Item], total: int, what: str) -> Iterable[_Item]:
    """Show on stderr how far an iteration got; silent where stderr is not a terminal."""
    from tqdm import tqdm

    bar: Iterable[_Item] = tqdm(items, total=total, desc=what, file=sys.stderr, disable=not sys.stderr.isatty())
    return bar


def tolerate_encoding() -> None:
    """Escape what the terminal's encoding lacks, and let bad bytes of stdin be reported where they are found."""
    for stream, errors in (
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
        (sys.stdin, "surrogateescape"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
