"""Tune the question heads of an index's encoder on what the index holds; a stopped run goes on where it stopped.

The rows of the index stay valid: `ask --encoder` and `evaluate --encoder` search it with the new heads.
"""

from __future__ import annotations

import argparse

from densephrase.cli.arguments import add_excluded_articles, excluded_titles
from densephrase.cli.settings import add_training_arguments, read_settings, run_training
from densephrase.cli.usage import check_outside_index
from densephrase.training.query_side.config import QuerySideConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `tune-questions`: one for each setting of `QuerySideConfig`."""
    parser.add_argument("index", metavar="INDEX", help="folder of an index that holds the answers; it stays as it is")
    questions = "SQuAD json or JSON lines with answers; with contexts and offsets too for '--labels position'"
    add_training_arguments(parser, QuerySideConfig, "encoder", questions)
    add_excluded_articles(parser)


def run(options: argparse.Namespace) -> int:
    """Tune, and print what the run came to; with `--json`, as one object."""
    config = read_settings(options, QuerySideConfig)
    check_outside_index(options.output, options.index)
    from densephrase.training.query_side.trainer import tune_questions

    titles = excluded_titles(options)
    return run_training(
        options,
        lambda questions: tune_questions(
            options.index, questions, options.output, config, device=options.device, excluded_titles=titles
        ),
    )
