"""The entry point: find the command, run it, turn errors into exit codes.

Exit codes: 0 done, 1 the data or the index is at fault, 2 wrong usage, 130 interrupted, 141 nobody reads the output.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast

from densephrase import __version__
from densephrase.cli.kernel_notice import kernel_notice
from densephrase.cli.output import Parser, log_on_stderr, note, tolerate_encoding
from densephrase.cli.streams import discard_output, occupy_closed
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
    "retrieve": "find passages instead of phrases: build, ask, evaluate, tune, train",
}
GROUPS = {
    "retrieve": {
        "build": "index the passages of a corpus",
        "ask": "find the passages that fit a question",
        "evaluate": "measure the passages found against references and judgements",
        "tune": "choose the weight of BM25 beside an encoder",
        "train": "train a passage encoder",
    }
}
_NO_MEMORY = (
    "out of memory",
    "t allocate memory",  # can't, cannot
    "failed to allocate memory",
    "bad_alloc",
    "failed to map segment",
)
_DATA_FAULT, _INTERRUPTED, _BROKEN_PIPE = 1, 130, 141


class Command(Protocol):
    """A module of this package that is a command; its docstring is the command's description."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments, without any heavy import."""

    def run(self, options: argparse.Namespace) -> int:
        """Do the work and return the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (`sys.argv` by default) and return its exit code; wrong usage exits with 2 at once."""
    try:
        code, message = _run(arguments), None
    except KeyboardInterrupt:
        code, message = _INTERRUPTED, "interrupted."
    except BrokenPipeError:
        code, message = _BROKEN_PIPE, None
    except (DensePhraseError, OSError) as error:
        code, message = _DATA_FAULT, str(error)
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        code, message = _DATA_FAULT, f"there is not enough memory ({_first_line(error)})."
    if message is not None:
        with contextlib.suppress(OSError):  # stderr takes no more
            note(f"densephrase: {message}")
    discard_output()
    return code


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command on streams that are open, and see its output off."""
    occupy_closed()
    tolerate_encoding()
    try:
        with log_on_stderr(), kernel_notice():
            code = _dispatch(arguments)
    except SystemExit:  # of --help and of wrong usage
        sys.stdout.flush()
        raise
    sys.stdout.flush()
    return code


def _is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory was refused; libraries in C++ and the loader have no class of their own for that."""
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def _dispatch(arguments: Sequence[str] | None) -> int:
    """Import the one command that was asked for and run it."""
    room, (name, *rest) = "commands", _top_parser().parse_args(arguments).command
    if name in GROUPS:
        room, (part, *rest) = name, _group_parser(name).parse_args(rest).command
        module, name = part, f"{name} {part}"
    else:
        module = name
    command = cast(Command, import_module(f"densephrase.cli.{room}.{module.replace('-', '_')}"))
    parser = Parser(prog=f"densephrase {name}", description=command.__doc__)
    command.add_arguments(parser)
    # Intermixed, because `evaluate INDEX --limit 5 QUESTIONS` has an optional argument before a positional one.
    options = parser.parse_intermixed_args(rest)
    try:
        return command.run(options)
    except UsageError as error:
        parser.error(str(error))


def _top_parser() -> argparse.ArgumentParser:
    parser = _parser_of("densephrase", "Answers with exact phrases from your own documents.", COMMANDS)
    parser.add_argument("--version", action="version", version=f"densephrase {__version__}")
    return parser


def _group_parser(group: str) -> argparse.ArgumentParser:
    return _parser_of(f"densephrase {group}", import_module(f"densephrase.cli.{group}").__doc__, GROUPS[group])


def _parser_of(program: str, description: str | None, commands: Mapping[str, str]) -> argparse.ArgumentParser:
    width = max(map(len, commands))
    parser = Parser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="commands:\n"
        + "\n".join(f"  {name:<{width}}  {text}" for name, text in commands.items())
        + f"\n\n'{program} COMMAND --help' shows the arguments of a command.",
    )
    parser.add_argument(
        "command", nargs=argparse.PARSER, choices=list(commands), metavar="COMMAND", help="one of the commands below"
    )
    return parser
