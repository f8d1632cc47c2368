"""Find the passages that fit a question, in a passage index or in a phrase index; questions can also be piped in."""

from __future__ import annotations

import argparse
from time import perf_counter

from densephrase.cli.arguments import add_device, add_json, add_runtime
from densephrase.cli.commands.ask import read_asked
from densephrase.cli.output import console, write_json
from densephrase.cli.retrieve.search import add_passage_search, open_index
from densephrase.cli.retrieve.shown import render_passages
from densephrase.cli.streams import open_stdin
from densephrase.cli.usage import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `retrieve ask`."""
    parser.add_argument("index", metavar="INDEX", help="folder of a passage index, or of a phrase index")
    parser.add_argument(
        "question", metavar="QUESTION", nargs="?", help="the question; '-' or nothing reads one a line from stdin"
    )
    add_passage_search(parser, top_k=5)
    parser.add_argument(
        "--explain", action="store_true", default=None, help="show which terms each passage shares with the question"
    )
    add_device(parser)
    add_runtime(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Answer the question, or every line of stdin as it comes."""
    if options.question is None and open_stdin().isatty():
        raise UsageError("give a question, or pipe questions in, one a line")
    with open_index(options) as opened:
        for question in read_asked(options.question):
            began = perf_counter()
            passages = opened.retriever.search([question], options.top_k)[0]
            seconds = perf_counter() - began
            if options.json:
                found = [passage.to_dict() for passage in passages]
                write_json({"question": question, "passages": found, "seconds": seconds})
            else:
                console().print(render_passages(question, passages))
    return 0
