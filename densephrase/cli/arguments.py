"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from typing import Any, get_args

from densephrase.cli.output import note
from densephrase.cli.usage import UsageError
from densephrase.encoder.question.runtime import Runtime
from densephrase.errors import SearchError
from densephrase.search.plan.strategies import Strategy

_SEARCH = ("top_k", "strategy", "unit", "paragraph_weight", "document_weight", "min_confidence", "sparc", "explain")


def positive(text: str) -> int:
    """Read a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def none_or_more(text: str) -> int:
    """Read a whole number of at least 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print one JSON object a line and nothing else on stdout")


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Add `--encoder`."""
    parser.add_argument(
        "--encoder", default="default", help="folder or hub id of an encoder (default: the one that comes bundled)"
    )


def add_question_encoder(parser: argparse.ArgumentParser, otherwise: str) -> None:
    """Add `--encoder` for another encoder than that of an index; `otherwise` says which is used without it."""
    parser.add_argument(
        "--encoder",
        help="folder or hub id of an encoder to ask an index with; it must make the same rows as the index's own, as "
        f"those that tune-questions and calibrate write do (default: {otherwise})",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add what a build can be told about its corpus."""
    parser.add_argument("--skip-bad", action="store_true", help="leave out documents that cannot be read, and say so")
    parser.add_argument(
        "--document-bytes",
        type=positive,
        metavar="N",
        help="bytes that a document (a record, row, article or text file) may have, unzipped (default: 100,000,000)",
    )
    parser.add_argument(
        "--no-quotes",
        dest="quotes",
        action="store_false",
        default=None,
        help="quotes in csv and tsv are text (default: fields in double quotes may hold delimiters and line ends)",
    )
    parser.add_argument(
        "--shard-characters", type=positive, metavar="N", help="characters in a shard, the unit of restart"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add `--device`."""
    parser.add_argument(
        "--device",
        default="cpu",
        help="where the encoder runs and inverted lists are fitted and searched: cpu, cuda, cuda:1, ... (default: cpu)",
    )


def add_runtime(parser: argparse.ArgumentParser) -> None:
    """Add `--runtime`."""
    parser.add_argument(
        "--runtime",
        choices=get_args(Runtime),
        default="auto",
        help="what encodes questions: onnx is fast on a processor and knows backbones that are built like BERT, torch "
        "knows all (default: onnx on a processor where it can)",
    )


def add_excluded_articles(parser: argparse.ArgumentParser) -> None:
    """Add `--exclude-articles-of`."""
    parser.add_argument(
        "--exclude-articles-of",
        action="append",
        default=[],
        metavar="FILE",
        help="questions kept for evaluation: the documents of their articles are no candidates, so that nothing is "
        "learnt from them; may be given several times",
    )


def excluded_titles(options: argparse.Namespace) -> set[str]:
    """Return the titles of the articles to leave out; say so on stderr where none are."""
    from densephrase.evaluation.excluded_articles import article_titles

    if not options.exclude_articles_of:
        note(
            "No articles are left out. If the index holds those of questions that you evaluate with, name these "
            "questions with --exclude-articles-of."
        )
    return article_titles(options.exclude_articles_of)


def add_search(parser: argparse.ArgumentParser, top_k: int) -> None:
    """Add what a search can be told."""
    parser.add_argument(
        "--top-k", type=positive, default=top_k, metavar="K", help=f"answers a question (default: {top_k})"
    )
    parser.add_argument(
        "--strategy",
        choices=get_args(Strategy),
        help="where candidates come from: vectors, terms or both (default: hybrid)",
    )
    for unit in ("paragraph", "document"):
        parser.add_argument(
            f"--{unit}-weight",
            type=float,
            metavar="X",
            help=f"weight of the {unit}'s BM25 score (default: as tuned for the encoder)",
        )
    parser.add_argument(
        "--no-sparc",
        dest="sparc",
        action="store_false",
        default=None,
        help="leave contextualised sparse vectors out of the score (default: count them where there are some)",
    )
    parser.add_argument(
        "--min-confidence",
        type=float,
        metavar="X",
        help="leave out answers that are right with a smaller probability, from 0 to 1 (default: leave out none); the "
        "probability holds for hybrid search with the encoder's own weights",
    )


def search_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the search options that were given, as keyword arguments.

    Raises UsageError when one makes no sense.
    """
    from densephrase.search.plan.options import SearchOptions

    given = {name: getattr(options, name, None) for name in _SEARCH}
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        SearchOptions(**chosen)
    except SearchError as error:
        raise UsageError(str(error)) from error
    return chosen
