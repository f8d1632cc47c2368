"""Where the command line writes: results to stdout, everything else to stderr."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

_Item = TypeVar("_Item")


def write_json(value: Any) -> None:
    """Write one JSON object on one line of stdout, at once."""
    utf = str(getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    sys.stdout.write(json.dumps(value, ensure_ascii=not utf) + "\n")
    sys.stdout.flush()


def write_table(rows: Iterable[tuple[str, str]]) -> None:
    """Write lines of a name and a value to stdout, values below each other."""
    lines = list(rows)
    width = max((len(name) for name, _ in lines), default=0)
    write_lines(f"{name:<{width}}  {value}" for name, value in lines)


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to stdout."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def note(text: str) -> None:
    """Write a line for people to stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def log_on_stderr(name: str) -> Iterator[None]:
    """Write what the logger `name` and those below it say, from INFO on, to stderr with the time of day."""
    logger, handler = logging.getLogger(name), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    former = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(former)
        logger.removeHandler(handler)


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
