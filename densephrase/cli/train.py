"""Train a phrase encoder on questions with marked answers; a run that was stopped goes on from its last checkpoint."""

from __future__ import annotations

import argparse
from dataclasses import Field, fields
from typing import Any

from densephrase.cli.arguments import add_device, add_json
from densephrase.cli.output import log_on_stderr, write_json, write_table
from densephrase.cli.usage import UsageError
from densephrase.errors import TrainingError
from densephrase.training.config import TrainingConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `train`: one for each setting of `TrainingConfig`."""
    parser.add_argument(
        "data", metavar="QUESTIONS", nargs="+", help="SQuAD json or JSON lines with contexts and answer offsets"
    )
    parser.add_argument("--output", metavar="FOLDER", required=True, help="folder for the encoder and its checkpoints")
    for field in fields(TrainingConfig):
        _add_setting(parser, field)
    add_device(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Train, and print what the run came to; with `--json`, as one object."""
    config = _config(options)
    from densephrase.questions import read_questions
    from densephrase.training.trainer import train

    questions = [question for path in options.data for question in read_questions(path)]
    with log_on_stderr("densephrase.training"):
        report = train(questions, options.output, config, device=options.device)
    if options.json:
        write_json(report)
    else:
        write_table((name.replace("_", " "), str(value)) for name, value in report.items())
    return 0


def _add_setting(parser: argparse.ArgumentParser, field: Field[Any]) -> None:
    """Add the argument of a setting; its type is that of its default."""
    flag = f"--{field.name.replace('_', '-')}"
    meaning = f"{field.metadata['help']} (default: {field.default})".replace("%", "%%")
    if isinstance(field.default, bool):
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=meaning)
    else:
        parser.add_argument(flag, type=type(field.default), metavar="X", help=meaning)


def _config(options: argparse.Namespace) -> TrainingConfig:
    """Return the settings that were given; UsageError when one makes no sense."""
    given = {field.name: getattr(options, field.name) for field in fields(TrainingConfig)}
    try:
        return TrainingConfig(**{name: value for name, value in given.items() if value is not None})
    except TrainingError as error:
        raise UsageError(str(error)) from error
