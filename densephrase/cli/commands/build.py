"""Index a corpus; a build that was stopped goes on where it was when the same command is run again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from time import perf_counter
from typing import Any, TypeVar, get_args

from densephrase.cli.arguments import add_device, add_encoder, add_json, add_reading, positive
from densephrase.cli.output import write_json, write_table
from densephrase.cli.usage import UsageError
from densephrase.errors import BuildError
from densephrase.index.format.profile import Profile
from densephrase.terms.language import Language

Built = TypeVar("Built")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `build`; options that are not given keep the defaults of `BuildOptions`."""
    parser.add_argument(
        "corpus", metavar="CORPUS", help="jsonl, csv, tsv, txt, md or SQuAD json, each may be .gz, or a folder of them"
    )
    parser.add_argument("index", metavar="INDEX", help="folder to write the index to")
    add_encoder(parser)
    parser.add_argument(
        "--profile",
        choices=get_args(Profile),
        help="default, or compact: about 30 bytes a token instead of 190, for an answer or two in a hundred",
    )
    parser.add_argument(
        "--language",
        choices=get_args(Language),
        help="of the term index: english, or none for no stemming (default: english)",
    )
    add_reading(parser)
    parser.add_argument("--flat-limit", type=int, metavar="N", help="more starts than this get inverted lists")
    parser.add_argument("--lists", type=positive, metavar="N", help="number of inverted lists (default: by the starts)")
    parser.add_argument(
        "--list-dimensions",
        type=positive,
        metavar="N",
        help="first dimensions of a start vector that its list holds (default: 64)",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the inverted lists' training sample")
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Build the index and print what it holds; with `--json`, as one object."""
    from densephrase.build_index.run.options import BuildOptions

    chosen = build_options(options, BuildOptions)
    from densephrase.build_index.pipeline import build
    from densephrase.build_index.run.progress import LineProgress, TqdmProgress
    from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder

    encoder = PhraseEncoder.from_pretrained(options.encoder, device=options.device)
    began = perf_counter()
    with TqdmProgress() as bar:
        speed = Speed(bar if sys.stderr.isatty() else LineProgress(sys.stderr))
        manifest = build(options.corpus, options.index, encoder=encoder, options=chosen, progress=speed)
    summary = {
        "index": options.index,
        **asdict(manifest.counts),
        "bytes": manifest.bytes,
        "seconds": perf_counter() - began,
        "tokens_per_second": speed.tokens_per_second,
    }
    if options.json:
        write_json(summary)
    else:
        write_table(_rows(summary))
    return 0


class Speed:
    """Listens to a build, remembers how fast this run encoded, and passes the `Progress` on to another listener."""

    def __init__(self, listener: Any) -> None:
        self._listener = listener
        self.tokens_per_second = 0.0

    def __call__(self, progress: Any) -> None:
        """Take note of a `Progress` and pass it on."""
        if progress.tokens:
            self.tokens_per_second = progress.tokens_per_second
        self._listener(progress)


def build_options(options: argparse.Namespace, kind: Callable[..., Built]) -> Built:
    """Return the options of a build that were given, as a dataclass; UsageError when one makes no sense."""
    given = {field.name: getattr(options, field.name) for field in fields(kind)}  # type: ignore[arg-type]
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except BuildError as error:
        raise UsageError(str(error)) from error


def _rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [(name, f"{summary[name]:,}") for name in ("documents", "paragraphs", "tokens", "starts", "ends", "bytes")]
    rows.append(("seconds", f"{summary['seconds']:.1f}"))
    rows.append(("tokens encoded a second", f"{summary['tokens_per_second']:,.0f}"))
    return [*rows, ("index", summary["index"])]
