"""Train an extractive reader, which `train --teacher` learns from; a run that was stopped goes on where it stopped."""

from __future__ import annotations

import argparse

from densephrase.cli.settings import add_training_arguments, read_settings, run_training
from densephrase.training.reader.config import ReaderTrainingConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `train-reader`: one for each setting of `ReaderTrainingConfig`."""
    add_training_arguments(parser, ReaderTrainingConfig, "reader")


def run(options: argparse.Namespace) -> int:
    """Train, and print what the run came to; with `--json`, as one object."""
    config = read_settings(options, ReaderTrainingConfig)
    from densephrase.training.reader.trainer import train_reader

    return run_training(
        options, lambda questions: train_reader(questions, options.output, config, device=options.device)
    )
