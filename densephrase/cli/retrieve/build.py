"""Index the passages of a corpus, or of a phrase index; a stopped build goes on when the command is run again.

Passages are the paragraphs of a phrase index of the same corpus, with the same ids and offsets.
"""

from __future__ import annotations

import argparse
import sys
from time import perf_counter
from typing import Any, get_args

from densephrase.cli.arguments import add_device, add_json, add_reading, positive
from densephrase.cli.commands.build import Speed, build_options
from densephrase.cli.output import write_json, write_table
from densephrase.terms.language import Language

_NO_ENCODER = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `retrieve build`; options that are not given keep those of `PassageBuildOptions`."""
    parser.add_argument(
        "corpus", metavar="CORPUS", help="a corpus as `build` takes it, or the folder of a phrase index"
    )
    parser.add_argument("index", metavar="INDEX", help="folder to write the index to")
    parser.add_argument(
        "--encoder",
        default="minilm",
        help="minilm (all-MiniLM-L6-v2 as published; pip install 'densephrase[train]'), the folder of a passage "
        f"encoder, or '{_NO_ENCODER}' for an index of terms alone (default: minilm)",
    )
    parser.add_argument(
        "--language",
        choices=get_args(Language),
        help="of the term index: english, or none for no stemming (default: english)",
    )
    add_reading(parser)
    parser.add_argument("--flat-limit", type=int, metavar="N", help="more passages than this get inverted lists")
    parser.add_argument(
        "--lists", type=positive, metavar="N", help="number of inverted lists (default: by the passages)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the inverted lists' training sample")
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Build the index and print what it holds; with `--json`, as one object."""
    from densephrase.build_index.passages.passage_options import PassageBuildOptions

    chosen = build_options(options, PassageBuildOptions)
    from densephrase.build_index.passages.passage_pipeline import build_passages
    from densephrase.build_index.run.progress import LineProgress, TqdmProgress

    encoder = _load_encoder(options.encoder, options.device)
    began = perf_counter()
    with TqdmProgress() as bar:
        speed = Speed(bar if sys.stderr.isatty() else LineProgress(sys.stderr))
        manifest = build_passages(options.corpus, options.index, encoder=encoder, options=chosen, progress=speed)
    summary = {
        "index": options.index,
        "documents": manifest.counts.documents,
        "passages": manifest.counts.paragraphs,
        "tokens": manifest.counts.tokens,
        "bytes": manifest.bytes,
        "seconds": perf_counter() - began,
    }
    if encoder is not None:
        summary["tokens_per_second"] = speed.tokens_per_second
    if options.json:
        write_json(summary)
    else:
        write_table(_rows(summary))
    return 0


def _load_encoder(name: str, device: str) -> Any:
    if name == _NO_ENCODER:
        return None
    from densephrase.encoder.passage.passage_encoder import PassageEncoder

    return PassageEncoder.from_pretrained(name, device)


def _rows(summary: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [(name, f"{summary[name]:,}") for name in ("documents", "passages", "tokens", "bytes")]
    rows.append(("seconds", f"{summary['seconds']:.1f}"))
    if "tokens_per_second" in summary:
        rows.append(("tokens encoded a second", f"{summary['tokens_per_second']:,.0f}"))
    return [*rows, ("index", summary["index"])]
