"""The gradient steps of a phrase encoder: batches of paragraphs with their questions, in-batch and hard negatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import torch

from densephrase.data import Question
from densephrase.encoder.device import on_device
from densephrase.encoder.phrase.model import PhraseModel, QuestionOutput
from densephrase.training.data.neighbours import find_neighbours
from densephrase.training.data.term_scores import WindowBM25
from densephrase.training.finish.interpolation import copy_weights
from densephrase.training.loop.attention import use_training_attention
from densephrase.training.loop.checkpoint import load_checkpoint
from densephrase.training.loop.loop import StepLoss, Training
from densephrase.training.loop.objective import Objective, planned_steps
from densephrase.training.loop.run_identity import run_identity
from densephrase.training.phrase.batches import ParagraphBatches, TrainingBatch, batches_per_epoch
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.loss import losses
from densephrase.training.phrase.run import PhraseRun

_RIVALS = 32  # windows that a window's hard negatives are drawn from
_QUESTION_CHUNK = 48  # questions of like length that are encoded together
_AFTER_TRAINING = (  # settings that trained weights do not depend on
    "filter_recall",
    "filter_size",
    "filter_windows",
    "filter_epochs",
    "sparc_rank",
    "trained_share",
)


def take_gradient_steps(run: PhraseRun) -> None:
    """Train the model from the folder's checkpoint on, or from the start where there is none."""
    config, windows, model = run.config, run.windows, run.model
    use_training_attention(model.backbone)
    if config.freeze_embeddings:
        model.backbone.get_input_embeddings().weight.requires_grad_(False)
    per_epoch = batches_per_epoch(windows, config)
    steps = planned_steps(config, config.epochs, per_epoch)
    training = Training.start(model, config, run.device, run.folder, steps, {"sparc.": config.sparc_learning_rate})
    run.initial = copy_weights(model) if config.trained_share < 1 else {}
    progress = load_checkpoint(run.folder, model, training.optimiser, _identity(config, run.questions))
    batches = ParagraphBatches(
        windows,
        config,
        model.config.pad_token_id,
        neighbours=find_neighbours(windows, config.hard_negatives, _RIVALS),
        terms=WindowBM25(windows) if config.term_weight and model.sparc is not None else None,
    )
    run.progress = Objective(partial(_loss, config), batches.epoch, per_epoch).minimise(training, progress)


def _loss(config: TrainingConfig, training: Training[PhraseModel], batch: TrainingBatch) -> StepLoss:
    batch = on_device(batch, training.device)
    with training.autocast():
        text = training.model.encode_text(batch.text_ids, batch.text_mask, batch.token_mask)
        question = _encode_questions(training.model, batch)
    parts = losses(text, question, batch, config)
    return StepLoss(parts.total(config), parts.parts(), len(batch.gold_window))


def _encode_questions(model: PhraseModel, batch: TrainingBatch) -> QuestionOutput:
    outputs = []
    width = batch.question_ids.shape[1]
    for ids, mask in zip(
        torch.split(batch.question_ids, _QUESTION_CHUNK), torch.split(batch.question_mask, _QUESTION_CHUNK), strict=True
    ):
        used = int(mask.sum(1).max())
        start, end, sparc = model.encode_questions(ids[:, :used], mask[:, :used])
        outputs.append((start, end, None if sparc is None else torch.nn.functional.pad(sparc, (0, width - used))))
    starts, ends, sparse = zip(*outputs, strict=True)
    return QuestionOutput(torch.cat(starts), torch.cat(ends), None if model.sparc is None else torch.cat(sparse))


def _identity(config: TrainingConfig, questions: Sequence[Question]) -> str:
    """Return the identity of the run up to its trained weights.

    The same command with another filter_recall therefore only calibrates a finished run again.
    """
    settings = {name: value for name, value in asdict(config).items() if name not in _AFTER_TRAINING}
    return run_identity("encoder", settings, questions)
