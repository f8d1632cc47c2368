"""Train a phrase encoder on questions with marked answers; a run that was stopped goes on from its last checkpoint."""

from __future__ import annotations

import argparse

from densephrase.cli.settings import add_training_arguments, read_settings, run_training
from densephrase.training.phrase.config import TrainingConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `train`: one for each setting of `TrainingConfig`."""
    add_training_arguments(parser, TrainingConfig, "encoder")


def run(options: argparse.Namespace) -> int:
    """Train, and print what the run came to; with `--json`, as one object."""
    config = read_settings(options, TrainingConfig)
    from densephrase.training.phrase.trainer import train

    return run_training(options, lambda questions: train(questions, options.output, config, device=options.device))
