"""Training of the reader: cross-entropy of the gold start and of the gold end within the window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from densephrase.data import Question
from densephrase.encoder.backbone import position_count
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.device import on_device
from densephrase.encoder.files.location import find_encoder_folder, is_encoder
from densephrase.errors import EncoderError, TrainingError
from densephrase.reader.extractive_reader import ExtractiveReader
from densephrase.reader.model import ReaderModel, decode_spans
from densephrase.training.data.examples import TrainingWindow, make_examples
from densephrase.training.data.holdout import split_for_training
from densephrase.training.loop.attention import use_training_attention
from densephrase.training.loop.checkpoint import TrainingProgress, load_checkpoint
from densephrase.training.loop.loop import StepLoss, Training
from densephrase.training.loop.objective import Objective, planned_steps
from densephrase.training.loop.run_identity import run_identity
from densephrase.training.loop.stages import Stage, run_report, run_stages
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.new_model import new_model
from densephrase.training.reader.config import ReaderTrainingConfig
from densephrase.training.reader.examples import ReaderExample, ReaderTrainingBatch, reader_batches, reader_examples

_HEAD_SIZES = ("vector_size", "coherency_rank", "sparc_size", "head_hidden_size")  # of a phrase encoder; not used here


def train_reader(
    questions: Sequence[Question], output: str | Path, config: ReaderTrainingConfig, device: str = "cpu"
) -> dict[str, Any]:
    """Train a reader and save it in `output`; a stopped run goes on from its last checkpoint there.

    Returns what the run came to, with the share of held-out questions whose span is exactly right and the seconds of
    each stage. Raises as `densephrase.training.phrase.trainer.train` does.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    run = _ReaderRun.start(questions, folder, config, device)
    return run_report(run, run_stages(READER_STAGES, run), "reader")


@dataclass(slots=True)
class _ReaderRun:
    """The state of a reader's training, which its stages hand on."""

    questions: Sequence[Question]
    folder: Path
    config: ReaderTrainingConfig
    reader: ExtractiveReader
    examples: list[ReaderExample]
    held_out: Sequence[Question]
    progress: TrainingProgress = field(default_factory=TrainingProgress)
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(
        cls, questions: Sequence[Question], folder: Path, config: ReaderTrainingConfig, device: str
    ) -> _ReaderRun:
        """Make the model and the examples."""
        torch.manual_seed(config.seed)
        phrase_model, tokeniser = new_model(_start_settings(config))
        model = ReaderModel(phrase_model.backbone)
        _check_positions(model, config)
        kept, held_out = split_for_training(questions, config.held_out_articles)
        windows = make_examples(kept, tokeniser, config.max_answer_tokens).windows
        examples = reader_examples(windows, config.max_tokens)
        if not examples:
            raise TrainingError(f"No question fits max_tokens={config.max_tokens} together with its window; raise it.")
        reader = ExtractiveReader(model, tokeniser, phrase_model.config, device)
        return cls(questions, folder, config, reader, examples, held_out)


def _take_gradient_steps(run: _ReaderRun) -> None:
    """Train the model from the folder's checkpoint on, or from the start where there is none."""
    config, model = run.config, run.reader.model
    use_training_attention(model.backbone)
    model.backbone.get_input_embeddings().weight.requires_grad_(False)
    per_epoch = -(-len(run.examples) // config.batch_questions)
    steps = planned_steps(config, config.epochs, per_epoch)
    training = Training.start(model, config, run.reader.device, run.folder, steps)
    identity = run_identity("reader", asdict(config), run.questions)
    progress = load_checkpoint(run.folder, model, training.optimiser, identity)
    run.progress = Objective(_loss, partial(_epoch, run), per_epoch).minimise(training, progress)
    model.eval()


def _epoch(run: _ReaderRun, number: int, first: int) -> Iterator[ReaderTrainingBatch]:
    rng = np.random.default_rng((run.config.seed, number))
    return reader_batches(run.examples, run.config.batch_questions, run.reader.config.pad_token_id, rng, first)


def _measure(run: _ReaderRun) -> None:
    """Count the exact spans of held-out questions, where there are any."""
    if run.held_out:
        windows = make_examples(run.held_out, run.reader.tokeniser, run.config.max_answer_tokens).windows
        run.summary["held_out_exact_spans"] = exact_spans(run.reader, windows, run.config)


def _save(run: _ReaderRun) -> None:
    """Write the reader with a summary of how it was made."""
    steps = {"steps": run.progress.step, "questions_seen": run.progress.questions}
    run.summary = {"settings": asdict(run.config), **steps, **run.summary}
    run.reader.save_pretrained(run.folder, run.summary)


READER_STAGES = (Stage("gradient steps", _take_gradient_steps), Stage("measure", _measure), Stage("save", _save))


def exact_spans(reader: ExtractiveReader, windows: Sequence[TrainingWindow], config: ReaderTrainingConfig) -> float:
    """Return the share of questions whose best span is the marked one, token for token."""
    examples = reader_examples(windows, config.max_tokens)
    right = 0
    for number, logits in reader.logits(examples):
        example, (start, end) = examples[number], torch.from_numpy(logits)
        first, last, _ = decode_spans(start[None], end[None], config.max_answer_tokens)
        right += (int(first), int(last)) == (example.start - example.first, example.end - example.first)
    return right / max(1, len(examples))


def _loss(training: Training[ReaderModel], batch: ReaderTrainingBatch) -> StepLoss:
    batch = on_device(batch, training.device)
    with training.autocast():
        start, end = training.model(batch.input_ids, batch.mask, batch.token_mask)
    parts = {"start": cross_entropy(start, batch.start), "end": cross_entropy(end, batch.end)}
    return StepLoss(parts["start"] + parts["end"], parts, len(batch.start))


def _start_settings(config: ReaderTrainingConfig) -> TrainingConfig:
    """Return the phrase encoder's settings whose windows and tower the reader starts from."""
    settings = TrainingConfig(backbone=config.backbone, max_answer_tokens=config.max_answer_tokens)
    settings = replace(settings, max_tokens=min(settings.max_tokens, config.max_tokens))
    if not is_encoder(config.backbone):
        return settings
    encoder = EncoderConfig.load(find_encoder_folder(config.backbone))
    return replace(settings, **{name: getattr(encoder, name) for name in _HEAD_SIZES})


def _check_positions(model: ReaderModel, config: ReaderTrainingConfig) -> None:
    places = position_count(model.backbone)
    if places is not None and config.max_tokens > places:
        raise EncoderError(f"max_tokens={config.max_tokens} is more than the {places} positions of the backbone.")
