"""Train a passage encoder with in-batch and hard negatives; a run that was stopped goes on where it stopped.

For a second round, start anew with the hard negatives of the first: --negatives bm25,FOLDER.
"""

from __future__ import annotations

import argparse

from densephrase.cli.settings import add_training_arguments, read_settings, run_training
from densephrase.training.retriever.config import RetrieverTrainingConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `retrieve train`: one for each setting of `RetrieverTrainingConfig`."""
    add_training_arguments(
        parser, RetrieverTrainingConfig, "encoder", "SQuAD json or JSON lines with answers and contexts"
    )


def run(options: argparse.Namespace) -> int:
    """Train, and print what the run came to; with `--json`, as one object."""
    config = read_settings(options, RetrieverTrainingConfig)
    from densephrase.training.retriever.trainer import train_retriever

    return run_training(
        options, lambda questions: train_retriever(questions, options.output, config, device=options.device)
    )
