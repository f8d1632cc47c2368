"""From questions with their paragraphs to an encoder on disk."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

import densephrase
from densephrase.data import Question
from densephrase.encoder.device import find_device, on_device
from densephrase.encoder.files.weights import load_exactly, rounded_weights
from densephrase.encoder.phrase.model import PhraseModel, QuestionOutput
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.training.data.examples import TrainingExamples, TrainingWindow, make_examples
from densephrase.training.data.holdout import split_for_training
from densephrase.training.data.neighbours import Neighbours, find_neighbours
from densephrase.training.data.term_scores import WindowBM25
from densephrase.training.finish.balancing import balance_vectors
from densephrase.training.finish.calibration import calibrate
from densephrase.training.finish.filter_stage import fit_filter
from densephrase.training.finish.interpolation import copy_weights, interpolate_weights
from densephrase.training.finish.revival import revive_heads
from densephrase.training.loop.attention import use_training_attention
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE, TrainingProgress, load_checkpoint
from densephrase.training.loop.loop import StepLoss, Training, endless
from densephrase.training.loop.run_identity import run_identity
from densephrase.training.phrase.batches import TrainingBatch, batches_per_epoch, paragraph_batches
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.loss import losses
from densephrase.training.phrase.new_model import new_model
from densephrase.training.phrase.teacher import TEACHER_FILE, with_teacher

_log = logging.getLogger(__name__)
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


def train(
    questions: Sequence[Question], output: str | Path, config: TrainingConfig, device: str = "cpu"
) -> dict[str, Any]:
    """Train an encoder and save it, 8-bit, in `output`; a stopped run goes on from its last checkpoint there.

    Returns what the run came to. Raises TrainingError for unusable data and for a checkpoint of another run,
    EncoderError for a backbone or a teacher that cannot be loaded, and KeyboardInterrupt, after a last checkpoint, on
    Ctrl-C.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model, tokeniser = new_model(config)
    examples, calibration = _split(questions, tokeniser, config)
    windows: Sequence[TrainingWindow] = examples.windows
    if config.teacher:
        windows = with_teacher(windows, tokeniser, config.teacher, folder / TEACHER_FILE, device)
    if model.config.vector_size > config.vector_size:
        balance_vectors(model.to(find_device(device)).eval(), windows, config.vector_size, seed=config.seed)
    for head in revive_heads(model.to(find_device(device)).eval(), windows, config.seed):
        _log.info("the %s head of Sparc had died; it starts again", head)
    training = _start(model, windows, config, find_device(device), folder)
    start = copy_weights(model) if config.trained_share < 1 else {}
    progress = load_checkpoint(folder, model, training.optimiser, _identity(config, questions))
    neighbours = find_neighbours(windows, config.hard_negatives, _RIVALS)
    terms = WindowBM25(windows) if config.term_weight and model.sparc is not None else None
    batches = partial(_batches, training, windows, config, neighbours, terms)
    progress = training.run(progress, batches, partial(_loss, training, config))
    if start:
        interpolate_weights(model, start, config.trained_share)
    return _finish(training, config, tokeniser, examples, calibration, progress)


def _split(
    questions: Sequence[Question], tokeniser: PhraseTokeniser, config: TrainingConfig
) -> tuple[TrainingExamples, Sequence[TrainingWindow]]:
    """Return what to train on, and the windows for calibration: held-out ones where there are any."""
    kept, held_out = split_for_training(questions, config.held_out_articles)
    examples = make_examples(kept, tokeniser, config.max_answer_tokens)
    if not held_out:
        return examples, examples.windows
    return examples, make_examples(held_out, tokeniser, config.max_answer_tokens).windows


def _start(
    model: PhraseModel,
    windows: Sequence[TrainingWindow],
    config: TrainingConfig,
    device: torch.device,
    folder: Path,
) -> Training[PhraseModel]:
    use_training_attention(model.backbone)
    if config.freeze_embeddings:
        model.backbone.get_input_embeddings().weight.requires_grad_(False)
    steps = config.max_steps or max(1, round(config.epochs * batches_per_epoch(windows, config)))
    return Training.start(model, config, device, folder, steps, {"sparc.": config.sparc_learning_rate})


def _batches(
    training: Training[PhraseModel],
    windows: Sequence[TrainingWindow],
    config: TrainingConfig,
    neighbours: Neighbours,
    terms: WindowBM25 | None,
    first: int,
) -> Iterator[TrainingBatch]:
    pad_token_id = training.model.config.pad_token_id
    return endless(
        lambda epoch, number: paragraph_batches(
            windows, config, pad_token_id, epoch, number, neighbours=neighbours, terms=terms
        ),
        first,
        training.steps,
        batches_per_epoch(windows, config),
    )


def _loss(training: Training[PhraseModel], config: TrainingConfig, batch: TrainingBatch) -> StepLoss:
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


def _finish(
    training: Training[PhraseModel],
    config: TrainingConfig,
    tokeniser: PhraseTokeniser,
    examples: TrainingExamples,
    windows: Sequence[TrainingWindow],
    progress: TrainingProgress,
) -> dict[str, Any]:
    model = training.model.eval()
    balance_vectors(model, windows, config.vector_size, seed=config.seed)
    load_exactly(model, rounded_weights(model.state_dict()), "the rounded model")  # what follows fits what is stored
    if config.filter_epochs:
        size, epochs, limit = config.filter_size, config.filter_epochs, config.filter_windows
        fit_filter(model, examples.windows, size=size, epochs=epochs, limit=limit, seed=config.seed)
        load_exactly(model, rounded_weights(model.state_dict()), "the rounded model")
    calibration = calibrate(model, windows, config.filter_recall, seed=config.seed)
    summary = {
        "settings": {**asdict(config), "teacher": Path(config.teacher).name},
        "steps": progress.step,
        "questions_seen": progress.questions,
        "questions_skipped": examples.skipped,
        "windows": len(examples.windows),
        "library": densephrase.__version__,
        "torch": torch.__version__,
    }
    model.config = replace(calibration.config, training=summary)
    encoder = PhraseEncoder(
        model, tokeniser, calibration.start_quantiser, calibration.end_quantiser, calibration.sparse_factors
    )
    encoder.save_pretrained(training.folder)
    return {
        **{name: value for name, value in summary.items() if name != "settings"},
        "seconds": round(progress.seconds, 1),
        "encoder": str(training.folder),
        "checkpoint": CHECKPOINT_FILE,
    }
