"""Shared parts of the training commands: a flag for each setting of a dataclass, questions in, a report out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from typing import Any, TypeVar

from densephrase.cli.arguments import add_device, add_json
from densephrase.cli.output import follow_log, write_json, write_table
from densephrase.cli.usage import UsageError
from densephrase.data import Question
from densephrase.errors import TrainingError
from densephrase.training.loop.settings import LoopConfig

Settings = TypeVar("Settings", bound=LoopConfig)


def add_training_arguments(
    parser: argparse.ArgumentParser,
    settings: type[LoopConfig],
    product: str,
    data: str = "SQuAD json or JSON lines with contexts and answer offsets",
) -> None:
    """Declare questions (`data` says what kind), output folder, a flag for each setting, device and `--json`."""
    parser.add_argument("data", metavar="QUESTIONS", nargs="+", help=data)
    parser.add_argument(
        "--output", metavar="FOLDER", required=True, help=f"folder for the {product} and its checkpoints"
    )
    add_settings(parser, settings)
    add_device(parser)
    add_json(parser)


def add_settings(parser: argparse.ArgumentParser, settings: type[LoopConfig]) -> None:
    """Add a flag for each setting; its type is that of its default."""
    for field in fields(settings):
        _add_setting(parser, field)


def read_settings(options: argparse.Namespace, settings: type[Settings]) -> Settings:
    """Return the settings that were given; UsageError when one makes no sense."""
    given = {field.name: getattr(options, field.name) for field in fields(settings)}
    try:
        return settings(**{name: value for name, value in given.items() if value is not None})
    except TrainingError as error:
        raise UsageError(str(error)) from error


def run_training(options: argparse.Namespace, train: Callable[[Sequence[Question]], dict[str, Any]]) -> int:
    """Read the questions, train on them, and print what the run came to; with `--json`, as one object."""
    from densephrase.corpus.questions.reader import read_questions

    questions = [question for path in options.data for question in read_questions(path)]
    return report_training(options, lambda: train(questions))


def report_training(options: argparse.Namespace, train: Callable[[], dict[str, Any]]) -> int:
    """Train, follow the log, and print what the run came to; with `--json`, as one object."""
    with follow_log("densephrase.training"):
        report = train()
    if not report:  # another process has it
        return 0
    if options.json:
        write_json(report)
    else:
        write_table((name.replace("_", " "), str(value)) for name, value in report.items())
    return 0


def _add_setting(parser: argparse.ArgumentParser, field: Field[Any]) -> None:
    flag = f"--{field.name.replace('_', '-')}"
    meaning = f"{field.metadata['help']} (default: {field.default})".replace("%", "%%")
    if isinstance(field.default, bool):
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=meaning)
    else:
        parser.add_argument(flag, type=type(field.default), metavar="X", help=meaning)
