"""Stages of a phrase encoder's training before and after its gradient steps: one function each."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path

import torch

import densephrase
from densephrase.encoder.files.weights import load_exactly, rounded_weights
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.training.data.teacher import TEACHER_FILE, with_teacher
from densephrase.training.finish.balancing import balance_vectors
from densephrase.training.finish.calibration import calibrate
from densephrase.training.finish.filter_stage import fit_filter
from densephrase.training.finish.interpolation import interpolate_weights
from densephrase.training.finish.revival import revive_heads
from densephrase.training.phrase.run import PhraseRun

_log = logging.getLogger(__name__)


def ask_teacher(run: PhraseRun) -> None:
    """Give each question the span logits of a reader, where there is one to distil."""
    if run.config.teacher:
        cache = run.folder / TEACHER_FILE
        run.windows = with_teacher(run.windows, run.tokeniser, run.config.teacher, cache, str(run.device))


def shorten_vectors(run: PhraseRun) -> None:
    """Cut the vectors of an encoder that is trained further to the dimensions asked for."""
    if run.model.config.vector_size > run.config.vector_size:
        balance_vectors(run.model, run.windows, run.config.vector_size, seed=run.config.seed)


def revive_dead_heads(run: PhraseRun) -> None:
    """Let heads of Sparc that have died start again."""
    for head in revive_heads(run.model, run.windows, run.config.seed):
        _log.info("the %s head of Sparc had died; it starts again", head)


def interpolate(run: PhraseRun) -> None:
    """Mix the trained weights with those that the run began with, where only a share is wanted."""
    if run.initial:
        interpolate_weights(run.model, run.initial, run.config.trained_share)


def balance(run: PhraseRun) -> None:
    """Put the dimensions of vectors in the order of their importance; the gradient steps end here."""
    balance_vectors(run.model.eval(), run.calibration_windows, run.config.vector_size, seed=run.config.seed)


def round_weights(run: PhraseRun) -> None:
    """Round all weights to what is stored, so that what follows is fitted to it."""
    load_exactly(run.model, rounded_weights(run.model.state_dict()), "the rounded model")


def refit_filter(run: PhraseRun) -> None:
    """Fit a larger phrase filter, unless the jointly trained one is to be kept."""
    config = run.config
    if config.filter_epochs:
        fit_filter(
            run.model,
            run.examples.windows,
            size=config.filter_size,
            epochs=config.filter_epochs,
            limit=config.filter_windows,
            seed=config.seed,
        )
        round_weights(run)


def calibrate_encoder(run: PhraseRun) -> None:
    """Fit the filter's thresholds, the quantisers and the factors of sparse vectors."""
    run.calibration = calibrate(run.model, run.calibration_windows, run.config.filter_recall, seed=run.config.seed)


def save_encoder(run: PhraseRun) -> None:
    """Write the encoder with a summary of how it was made."""
    run.summary = {
        "settings": {**asdict(run.config), "teacher": Path(run.config.teacher).name},
        "steps": run.progress.step,
        "questions_seen": run.progress.questions,
        "questions_skipped": run.examples.skipped,
        "windows": len(run.examples.windows),
        "library": densephrase.__version__,
        "torch": torch.__version__,
    }
    run.model.config = replace(run.calibration.config, training=run.summary)
    PhraseEncoder(run.model, run.tokeniser, run.calibration.quantisers).save_pretrained(run.folder)
