"""The training loop: from questions with their paragraphs to an encoder on disk."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import densephrase
from densephrase.data import Question
from densephrase.encoder.device import find_device, prefers_bf16
from densephrase.encoder.model import PhraseModel
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.tokens import PhraseTokeniser
from densephrase.encoder.weights import load_exactly, rounded_weights
from densephrase.errors import TrainingError
from densephrase.training.attention import use_training_attention
from densephrase.training.batches import TrainingBatch, batches_per_epoch, epoch_batches
from densephrase.training.calibration import calibrate
from densephrase.training.checkpoint import CHECKPOINT_FILE, Progress, load_checkpoint, save_checkpoint
from densephrase.training.config import TrainingConfig
from densephrase.training.examples import TrainingExamples, TrainingWindow, make_examples
from densephrase.training.holdout import split_by_title
from densephrase.training.interruption import deferred_interrupt
from densephrase.training.loss import Losses, losses
from densephrase.training.new_model import new_model

_log = logging.getLogger(__name__)
_QUESTION_CHUNK = 48  # questions of like length that are encoded together
_LOG_EVERY = 20
_AFTER_OR_BESIDE_TRAINING = ("checkpoint_minutes", "filter_recall")  # settings that the weights do not depend on


@dataclass(slots=True)
class _Run:
    """What the loop carries from step to step."""

    model: PhraseModel
    optimiser: torch.optim.Optimizer
    examples: TrainingExamples
    config: TrainingConfig
    device: torch.device
    folder: Path
    steps: int
    steps_per_epoch: int


def train(
    questions: Sequence[Question], output: str | Path, config: TrainingConfig, device: str = "cpu"
) -> dict[str, Any]:
    """Train an encoder and save it, 8-bit, in `output`; a stopped run goes on from its last checkpoint there.

    Returns what the run came to. Raises TrainingError for unusable data and for a checkpoint of another run,
    EncoderError for a backbone that cannot be loaded, and KeyboardInterrupt, after a last checkpoint, on Ctrl-C.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model, tokeniser = new_model(config)
    examples, calibration = _split(questions, tokeniser, config)
    run = _start(model, examples, config, find_device(device), folder)
    progress = load_checkpoint(folder, model, run.optimiser, _identity(config, questions))
    progress = _loop(run, progress)
    save_checkpoint(folder, model, run.optimiser, progress)
    return _finish(run, tokeniser, calibration, progress)


def _split(
    questions: Sequence[Question], tokeniser: PhraseTokeniser, config: TrainingConfig
) -> tuple[TrainingExamples, Sequence[TrainingWindow]]:
    """Return what to train on, and the windows for calibration: held-out ones where there are any."""
    kept, held_out = split_by_title(questions, config.held_out_articles)
    if not kept and held_out:
        raise TrainingError(
            f"All {len(held_out)} questions are about articles that held_out_articles={config.held_out_articles} keeps "
            "out of training; lower it."
        )
    examples = make_examples(kept, tokeniser, config.max_answer_tokens)
    if not held_out:
        return examples, examples.windows
    return examples, make_examples(held_out, tokeniser, config.max_answer_tokens).windows


def _start(
    model: PhraseModel, examples: TrainingExamples, config: TrainingConfig, device: torch.device, folder: Path
) -> _Run:
    model.to(device).train()
    use_training_attention(model.backbone)
    if config.freeze_embeddings:
        model.backbone.get_input_embeddings().weight.requires_grad_(False)
    per_epoch = batches_per_epoch(examples.windows, config)
    steps = config.max_steps or max(1, round(config.epochs * per_epoch))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.ndim > 1]
    vectors = [parameter for parameter in trained if parameter.ndim == 1]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.learning_rate,
    )
    return _Run(model, optimiser, examples, config, device, folder, steps, per_epoch)


def _loop(run: _Run, progress: Progress) -> Progress:
    began, earlier, saved = time.monotonic(), progress.seconds, time.monotonic()
    first = progress.step
    with deferred_interrupt() as stop:
        for batch in _batches(run, first):
            parts = _step(run, batch, progress.step)
            now = time.monotonic()
            progress = replace(
                progress,
                step=progress.step + 1,
                questions=progress.questions + len(batch.gold_window),
                seconds=earlier + now - began,
            )
            if progress.step % _LOG_EVERY == 0 or progress.step == run.steps:
                _report(run, progress, parts, (now - began) / (progress.step - first))
            if stop.is_set() or now - saved > 60 * run.config.checkpoint_minutes:
                save_checkpoint(run.folder, run.model, run.optimiser, progress)
                saved = now
            if stop.is_set():
                _log.warning("stopped after step %d/%d; the same command goes on from there", progress.step, run.steps)
                raise KeyboardInterrupt
    return progress


def _batches(run: _Run, first: int) -> Iterator[TrainingBatch]:
    step = first
    while step < run.steps:
        epoch, number = divmod(step, run.steps_per_epoch)
        for batch in epoch_batches(run.examples.windows, run.config, run.model.config.pad_token_id, epoch, number):
            if step == run.steps:
                return
            yield batch.to(run.device)
            step += 1


def _step(run: _Run, batch: TrainingBatch, step: int) -> Losses:
    for group in run.optimiser.param_groups:
        group["lr"] = run.config.learning_rate * _schedule(step, run.steps, run.config.warmup)
    with _autocast(run):
        text = run.model.encode_text(batch.text_ids, batch.text_mask)
        question = _encode_questions(run.model, batch)
    parts = losses(text, question, batch, run.config.max_answer_tokens)
    run.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(parts.total(run.config))
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), run.config.clip)
    run.optimiser.step()
    return parts


def _encode_questions(model: PhraseModel, batch: TrainingBatch) -> tuple[Tensor, Tensor]:
    starts, ends = [], []
    for ids, mask in zip(
        torch.split(batch.question_ids, _QUESTION_CHUNK), torch.split(batch.question_mask, _QUESTION_CHUNK), strict=True
    ):
        width = int(mask.sum(1).max())
        start, end = model.encode_questions(ids[:, :width], mask[:, :width])
        starts.append(start)
        ends.append(end)
    return torch.cat(starts), torch.cat(ends)


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Return the share of the peak learning rate: linear warm-up, then linear decay to zero."""
    grow = max(1, round(warmup * steps))
    return (step + 1) / grow if step < grow else (steps - step) / max(1, steps - grow)


def _autocast(run: _Run) -> AbstractContextManager[Any]:
    wanted = run.config.precision == "bf16" or (run.config.precision == "auto" and prefers_bf16(run.device))
    return torch.autocast(run.device.type, torch.bfloat16, enabled=wanted)


def _report(run: _Run, progress: Progress, parts: Losses, seconds_per_step: float) -> None:
    _log.info(
        "step %d/%d  paragraph %.3f  batch %.3f  start+end %.3f  filter %.4f  %.1f examples/s  %.1f minutes left",
        progress.step,
        run.steps,
        *(float(part.detach()) for part in parts),
        progress.questions / max(progress.seconds, 1e-9),
        (run.steps - progress.step) * seconds_per_step / 60,
    )


def _identity(config: TrainingConfig, questions: Sequence[Question]) -> str:
    """Return a digest of the data and of the settings that shape the weights: a checkpoint belongs to one run only.

    The same command with another filter_recall therefore only calibrates a finished run again.
    """
    settings = {name: value for name, value in asdict(config).items() if name not in _AFTER_OR_BESIDE_TRAINING}
    digest = hashlib.sha256(json.dumps([densephrase.__version__, settings], sort_keys=True).encode())
    for question in questions:
        digest.update(f"{question.id}\0{question.text}\0{question.answer_starts}".encode())
    return digest.hexdigest()


def _finish(
    run: _Run, tokeniser: PhraseTokeniser, windows: Sequence[TrainingWindow], progress: Progress
) -> dict[str, Any]:
    model = run.model.eval()
    load_exactly(model, rounded_weights(model.state_dict()), "the rounded model")  # thresholds fit what is stored
    calibration = calibrate(model, windows, run.config.filter_recall, seed=run.config.seed)
    summary = {
        "settings": asdict(run.config),
        "steps": progress.step,
        "questions_seen": progress.questions,
        "questions_skipped": run.examples.skipped,
        "windows": len(run.examples.windows),
        "library": densephrase.__version__,
        "torch": torch.__version__,
    }
    model.config = replace(calibration.config, training=summary)
    PhraseEncoder(model, tokeniser, calibration.start_quantiser, calibration.end_quantiser).save_pretrained(run.folder)
    return {
        **{name: value for name, value in summary.items() if name != "settings"},
        "seconds": round(progress.seconds, 1),
        "encoder": str(run.folder),
        "checkpoint": CHECKPOINT_FILE,
    }
