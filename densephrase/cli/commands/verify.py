"""Check every byte of an index against its checksum, then every row against the others."""

from __future__ import annotations

import argparse
from time import perf_counter

from densephrase.cli.arguments import add_json
from densephrase.cli.output import note, write_json, write_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `verify`."""
    parser.add_argument("index", metavar="INDEX", help="folder of the index")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print every problem, one a line; with `--json`, one object. Return 1 if there are any."""
    from densephrase.index.verify import verify

    began = perf_counter()
    problems = verify(options.index)
    seconds = perf_counter() - began
    if options.json:
        write_json({"index": options.index, "ok": not problems, "problems": problems, "seconds": seconds})
    else:
        write_lines(problems or [f"{options.index}: every byte and every row is as it should be"])
        note(f"{len(problems)} problems found in {seconds:.1f} s")
    return 1 if problems else 0
