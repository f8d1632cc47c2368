"""Answer a question from an index with exact phrases; questions can also be piped in, one a line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from time import perf_counter
from typing import get_args

from densephrase.cli.answers import render
from densephrase.cli.arguments import (
    add_device,
    add_json,
    add_question_encoder,
    add_runtime,
    add_search,
    search_options,
)
from densephrase.cli.output import console, note, write_json
from densephrase.cli.streams import open_stdin
from densephrase.cli.usage import UsageError
from densephrase.errors import QuestionError
from densephrase.search.plan.options import Unit
from densephrase.storage.strict_json import first_surrogate

_MARK = "\ufeff"  # byte order mark, as some editors write it at the beginning of a file
_LONGEST = 1_000_000  # characters of a line of stdin: what never ends should not fill the memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `ask`."""
    parser.add_argument("index", metavar="INDEX", help="folder of the index")
    parser.add_argument(
        "question", metavar="QUESTION", nargs="?", help="the question; '-' or nothing reads one a line from stdin"
    )
    add_search(parser, top_k=5)
    parser.add_argument("--unit", choices=get_args(Unit), help="what to return (default: phrase)")
    parser.add_argument(
        "--explain",
        action="store_true",
        default=None,
        help="show which n-grams and terms each answer shares with the question, and what they add to its score",
    )
    add_question_encoder(parser, "that of the index")
    add_device(parser)
    add_runtime(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Answer the question, or every line of stdin as it comes."""
    if options.question is None and open_stdin().isatty():
        raise UsageError("give a question, or pipe questions in, one a line")
    chosen = search_options(options)
    from densephrase.phrase_index import PhraseIndex

    began = perf_counter()
    index = PhraseIndex.open(options.index, options.device, options.encoder, options.runtime)
    _ = index.encoder  # loaded now, so that the first question is not charged with it
    note(f"opened {options.index} in {perf_counter() - began:.2f} s")
    for question in read_asked(options.question):
        began = perf_counter()
        answers = index.search(question, **chosen)
        seconds = perf_counter() - began
        if options.json:
            found = [answer.to_dict() for answer in answers]
            write_json({"question": question, "answers": found, "seconds": seconds})
        else:
            console().print(render(question, answers))
    return 0


def read_asked(question: str | None) -> Iterator[str]:
    """Yield the question, or the lines of stdin that are not blank."""
    if question is not None and question != "-":
        if first_surrogate(question):
            raise UsageError(f"the question {question!r} is not UTF-8 text")
        if not question.strip():
            raise UsageError("the question is empty")
        yield question
        return
    stdin = open_stdin()
    lines = iter(lambda: stdin.readline(_LONGEST + 1), "")
    for number, line in enumerate(lines, start=1):
        if len(line) > _LONGEST:
            raise QuestionError(f"Line {number} of stdin has more than {_LONGEST:,} characters; expected a question.")
        if first_surrogate(line):  # what bytes that are not UTF-8 arrive as
            raise QuestionError(f"Line {number} of stdin is not UTF-8 text: {line.strip()[:80]!r}. Write it as UTF-8.")
        text = line.lstrip(_MARK).strip()  # files that are piped one after the other have a mark each
        if text:
            yield text
