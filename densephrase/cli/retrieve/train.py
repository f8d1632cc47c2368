"""Train a passage encoder with in-batch and hard negatives; a run that was stopped goes on where it stopped.

For a second round, start anew with the hard negatives of the first: --negatives bm25,FOLDER.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from densephrase.cli.settings import add_training_arguments, read_settings, report_training
from densephrase.training.retriever.config import RetrieverTrainingConfig

if TYPE_CHECKING:
    from densephrase.training.retriever.examples import TrainingRow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `retrieve train`: one for each setting of `RetrieverTrainingConfig`."""
    add_training_arguments(
        parser,
        RetrieverTrainingConfig,
        "encoder",
        "SQuAD json or JSON lines with answers and contexts, or DPR's training json",
    )


def run(options: argparse.Namespace) -> int:
    """Train, and print what the run came to; with `--json`, as one object."""
    config = read_settings(options, RetrieverTrainingConfig)
    from densephrase.training.retriever.trainer import train_retriever

    rows = [row for path in options.data for row in _rows(path)]
    return report_training(options, lambda: train_retriever(rows, options.output, config, device=options.device))


def _rows(path: str) -> Iterable[TrainingRow]:
    from densephrase.corpus.questions.reader import read_questions
    from densephrase.corpus.retrieval.examples import holds_retrieval_examples, iterate_retrieval_examples

    return iterate_retrieval_examples(path) if holds_retrieval_examples(path) else read_questions(path)
