"""Query-side fine-tuning: the question heads learn from what an index really holds, which stays as it is.

Source: query-side fine-tuning of DensePhrases (Lee et al. 2021). There, whole question encoders are tuned; here,
questions share the text's tower, so only their heads are. Every batch is searched with the heads as they are then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from densephrase.data import Question
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.device import find_device
from densephrase.encoder.files.stored_weights import read_stored_weights
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import TrainingError
from densephrase.evaluation.excluded_articles import documents_of, questions_apart
from densephrase.index.format.manifest_file import MANIFEST_FILE
from densephrase.index.index_reader import IndexReader
from densephrase.training.loop.checkpoint import load_checkpoint
from densephrase.training.loop.loop import Training
from densephrase.training.loop.objective import planned_steps
from densephrase.training.loop.run_identity import run_identity
from densephrase.training.loop.stages import Stage, run_report, run_stages
from densephrase.training.query_side.candidates import TuningSearcher
from densephrase.training.query_side.config import QuerySideConfig
from densephrase.training.query_side.heads import TunedHeads
from densephrase.training.query_side.labels import RightSpans, find_places
from densephrase.training.query_side.questions import choose_questions
from densephrase.training.query_side.run import QuerySideRun

QUERY_SIDE_STAGES = (
    Stage("freeze questions", QuerySideRun.freeze),
    Stage("gradient steps", QuerySideRun.learn),
    Stage("save", QuerySideRun.save),
)


def tune_questions(
    index: str | Path,
    questions: Sequence[Question],
    output: str | Path,
    config: QuerySideConfig,
    device: str = "cpu",
    excluded_titles: Collection[str] = (),
) -> dict[str, Any]:
    """Tune the question heads of an index's encoder and save the encoder in `output`, its phrase side unchanged.

    The heads are those of the epoch with the best exact match on unseen articles, or the former ones where none is
    better. A stopped run goes on from its last checkpoint in `output`. Returns what the run came to; its exact match
    is of the articles that chose the epoch.

    excluded_titles: those of articles that no question is asked about and whose documents are no candidates, with
        spaces for underscores.

    Raises:
        TrainingError: for unusable questions and for a checkpoint of another run.
        IndexFormatError, EncoderError: as opening the index and loading its encoder do.
        KeyboardInterrupt: on Ctrl-C, after a last checkpoint.
    """
    run = _start(index, questions, Path(output), config, device, excluded_titles)
    return run_report(run, run_stages(QUERY_SIDE_STAGES, run), "encoder")


def _start(
    index: str | Path,
    questions: Sequence[Question],
    folder: Path,
    config: QuerySideConfig,
    device: str,
    excluded_titles: Collection[str],
) -> QuerySideRun:
    """Open the index and its encoder, and choose the questions; goes on from the checkpoint in `folder`."""
    reader = IndexReader.open(index)
    asked = _choose(reader, questions, config, excluded_titles)
    tuned, _ = asked
    excluded = documents_of(reader, excluded_titles)
    encoder = PhraseEncoder.from_pretrained(reader.encoder_path, device)
    folder.mkdir(parents=True, exist_ok=True)
    per_epoch = -(-len(tuned) // config.batch_questions)
    steps = planned_steps(config, config.epochs, per_epoch)
    torch.manual_seed(config.seed)
    heads = TunedHeads(encoder.model, -(-steps // per_epoch), config.weights)
    training = Training.start(heads, config, find_device(device), folder, steps)
    progress = load_checkpoint(folder, heads, training.optimiser, _identity(config, reader, questions, excluded))
    right = RightSpans(find_places(reader, tuned) if config.labels == "position" else {})
    searcher = TuningSearcher(reader, encoder, config.candidates, right, excluded)
    _, precision = read_stored_weights(reader.encoder_path)
    return QuerySideRun(
        folder=folder,
        config=config,
        reader=reader,
        encoder=encoder,
        precision=precision,
        searcher=searcher,
        training=training,
        per_epoch=per_epoch,
        excluded=excluded,
        asked=asked,
        progress=progress,
    )


def _choose(
    reader: IndexReader, questions: Sequence[Question], config: QuerySideConfig, excluded_titles: Collection[str]
) -> tuple[Sequence[Question], Sequence[Question]]:
    """Return the questions to tune on and those to measure with, without those about excluded articles."""
    trained = EncoderConfig.load(reader.checked_encoder()).training
    tuned, unseen = (questions_apart(side, excluded_titles) for side in choose_questions(questions, config, trained))
    if not tuned or not unseen:
        raise TrainingError(
            f"Without the articles that are left out, {len(tuned)} questions remain to tune on and {len(unseen)} to "
            "measure with, and both are needed. Tune on other questions than those that are kept for evaluation."
        )
    return tuned, unseen


def _identity(
    config: QuerySideConfig, reader: IndexReader, questions: Sequence[Question], excluded: Sequence[str]
) -> str:
    manifest = (reader.path / MANIFEST_FILE).read_bytes()  # holds the checksums of all rows, and the encoder's
    return run_identity("query side", {**asdict(config), "excluded": excluded}, questions, manifest)
