"""The entry point: find the command, run it, turn errors into exit codes.

Exit codes: 0 done, 1 the data or the index is at fault, 2 wrong usage, 130 interrupted, 141 nobody reads the output.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from densephrase import __version__
from densephrase.cli.output import Parser, log_on_stderr, note, tolerate_encoding
from densephrase.cli.usage import UsageError
from densephrase.errors import DensePhraseError

COMMANDS = {
    "demo": "index the bundled sample and answer a few questions",
    "build": "index a corpus",
    "ask": "answer questions from an index",
    "evaluate": "measure answers against references, over an index or paragraph by paragraph",
    "info": "show what an index holds and how large it is",
    "verify": "check every byte of an index",
    "train": "train a phrase encoder",
    "train-reader": "train a cross-attention reader, to teach a phrase encoder",
    "tune-questions": "tune the question side of an encoder on what an index holds",
    "calibrate": "fit the probability that an answer is right",
}
_DATA_FAULT, _INTERRUPTED, _BROKEN_PIPE = 1, 130, 141


class Command(Protocol):
    """A module of this package that is a command; its docstring is the command's description."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments, without any heavy import."""

    def run(self, options: argparse.Namespace) -> int:
        """Do the work and return the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (`sys.argv` by default) and return its exit code; wrong usage exits with 2 at once."""
    tolerate_encoding()
    try:
        with log_on_stderr():
            code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        note("densephrase: interrupted.")
        return _INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return _BROKEN_PIPE
    except (DensePhraseError, OSError) as error:
        note(f"densephrase: {error}")
        return _DATA_FAULT


def _dispatch(arguments: Sequence[str] | None) -> int:
    """Import the one command that was asked for and run it."""
    name, *rest = _top_parser().parse_args(arguments).command
    command = cast(Command, import_module(f"densephrase.cli.{name.replace('-', '_')}"))
    parser = Parser(prog=f"densephrase {name}", description=command.__doc__)
    command.add_arguments(parser)
    # Intermixed, because `evaluate INDEX --limit 5 QUESTIONS` has an optional argument before a positional one.
    options = parser.parse_intermixed_args(rest)
    try:
        return command.run(options)
    except UsageError as error:
        parser.error(str(error))


def _top_parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    parser = Parser(
        prog="densephrase",
        description="Answers with exact phrases from your own documents.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n"
        + "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
        + "\n\n'densephrase COMMAND --help' shows the arguments of a command.",
    )
    parser.add_argument("--version", action="version", version=f"densephrase {__version__}")
    parser.add_argument(
        "command", nargs=argparse.PARSER, choices=list(COMMANDS), metavar="COMMAND", help="one of the commands below"
    )
    return parser


def _silence_stdout() -> None:
    """Keep the interpreter's last flush from failing again on the closed pipe."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
