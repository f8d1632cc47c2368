"""Training of the phrase encoder: from questions with their paragraphs to an encoder on disk, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from densephrase.data import Question
from densephrase.training.loop.stages import Stage, run_report, run_stages
from densephrase.training.phrase.config import TrainingConfig
from densephrase.training.phrase.gradient_steps import take_gradient_steps
from densephrase.training.phrase.run import PhraseRun
from densephrase.training.phrase.stages import (
    ask_teacher,
    balance,
    calibrate_encoder,
    interpolate,
    refit_filter,
    revive_dead_heads,
    round_weights,
    save_encoder,
    shorten_vectors,
)

PHRASE_STAGES = (
    Stage("teacher", ask_teacher),
    Stage("shorten", shorten_vectors),
    Stage("revive", revive_dead_heads),
    Stage("gradient steps", take_gradient_steps),
    Stage("interpolate", interpolate),
    Stage("balance", balance),
    Stage("round", round_weights),
    Stage("filter", refit_filter),
    Stage("calibrate", calibrate_encoder),
    Stage("save", save_encoder),
)


def train(
    questions: Sequence[Question], output: str | Path, config: TrainingConfig, device: str = "cpu"
) -> dict[str, Any]:
    """Train an encoder and save it, 8-bit, in `output`; a stopped run goes on from its last checkpoint there.

    Returns what the run came to, with the seconds of each stage. Raises TrainingError for unusable data and for a
    checkpoint of another run, EncoderError for a backbone or a teacher that cannot be loaded, and KeyboardInterrupt,
    after a last checkpoint, on Ctrl-C.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    run = PhraseRun.start(questions, folder, config, device)
    return run_report(run, run_stages(PHRASE_STAGES, run), "encoder")
