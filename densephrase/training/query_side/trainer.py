"""Query-side fine-tuning: the question heads learn from what an index really holds, which stays as it is.

Source: query-side fine-tuning of DensePhrases (Lee et al. 2021). There, whole question encoders are tuned; here,
questions share the text's tower, so only their heads are. Every batch is searched with the heads as they are then.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

import densephrase
from densephrase.data import Question
from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.device import find_device
from densephrase.encoder.files.stored_weights import Precision, read_stored_weights
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import TrainingError
from densephrase.evaluation.excluded_articles import documents_of, questions_apart
from densephrase.index.format.manifest import MANIFEST_FILE
from densephrase.index.index_reader import IndexReader
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE, TrainingProgress, load_checkpoint, save_checkpoint
from densephrase.training.loop.loop import StepLoss, Training, endless
from densephrase.training.loop.run_identity import run_identity
from densephrase.training.query_side.candidates import TuningSearcher
from densephrase.training.query_side.config import QuerySideConfig
from densephrase.training.query_side.heads import HeadPair, TunedHeads, question_vectors, write_tuned_encoder
from densephrase.training.query_side.labels import RightSpans, find_places
from densephrase.training.query_side.loss import pad_candidates, query_side_losses
from densephrase.training.query_side.questions import (
    FrozenQuestion,
    choose_questions,
    freeze_questions,
    pad_states,
    question_batches,
)

_log = logging.getLogger(__name__)
_MEASURED_TOGETHER = 64  # questions


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
    folder = Path(output)
    reader = IndexReader.open(index)
    trained = EncoderConfig.load(reader.checked_encoder()).training
    tuned, unseen = (questions_apart(side, excluded_titles) for side in choose_questions(questions, config, trained))
    if not tuned or not unseen:
        raise TrainingError(
            f"Without the articles that are left out, {len(tuned)} questions remain to tune on and {len(unseen)} to "
            "measure with, and both are needed. Tune on other questions than those that are kept for evaluation."
        )
    excluded = documents_of(reader, excluded_titles)
    encoder = PhraseEncoder.from_pretrained(reader.encoder_path, device)
    folder.mkdir(parents=True, exist_ok=True)
    per_epoch = -(-len(tuned) // config.batch_questions)
    steps = config.max_steps or config.epochs * per_epoch
    torch.manual_seed(config.seed)
    heads = TunedHeads(encoder.model, -(-steps // per_epoch), config.weights)
    training = Training.start(heads, config, find_device(device), folder, steps)
    progress = load_checkpoint(folder, heads, training.optimiser, _identity(config, reader, questions, excluded))
    _, precision = read_stored_weights(reader.encoder_path)
    right = RightSpans(find_places(reader, tuned) if config.labels == "position" else {})
    finder = TuningSearcher(reader, encoder, config.candidates, right, excluded)
    tuning = _Tuning(
        training, config, finder, freeze_questions(encoder, tuned), freeze_questions(encoder, unseen), precision
    )
    progress = tuning.run(progress, per_epoch)
    report = {**tuning.report(progress, per_epoch), "excluded_documents": len(excluded)}
    note = {**report, "settings": asdict(config), "library": densephrase.__version__, "torch": torch.__version__}
    write_tuned_encoder(reader.encoder_path, folder, heads, {**note, "index_encoder": encoder.fingerprint})
    return {**report, "seconds": round(progress.seconds, 1), "encoder": str(folder), "checkpoint": CHECKPOINT_FILE}


@dataclass(frozen=True, slots=True)
class _Tuning:
    """A run: the heads, where their candidates come from, and the questions to tune on and to measure with."""

    training: Training[TunedHeads]
    config: QuerySideConfig
    finder: TuningSearcher
    tuned: Sequence[FrozenQuestion]
    unseen: Sequence[FrozenQuestion]
    precision: Precision

    def run(self, progress: TrainingProgress, per_epoch: int) -> TrainingProgress:
        """Train epoch by epoch; each is measured once, at its end, and the measure goes into the checkpoint."""
        self._measure(0, progress)
        epochs = len(self.training.model.exact_match) - 1
        for epoch in range(1, epochs + 1):
            last = min(epoch * per_epoch, self.training.steps)
            if progress.step < last:
                batches = partial(self._batches, last, per_epoch)
                progress = self.training.run(progress, batches, self._loss)
            self._check_learning(progress)
            self._measure(epoch, progress)
        return progress

    def _check_learning(self, progress: TrainingProgress) -> None:
        """Raise TrainingError when no question so far had a right span to learn from."""
        if not progress.questions:
            asked = min(progress.step * self.config.batch_questions, len(self.tuned))
            raise TrainingError(
                f"None of {asked} questions has a right span among its best {self.config.candidates} starts; "
                "tune on questions that the documents of the index answer."
            )

    def report(self, progress: TrainingProgress, per_epoch: int) -> dict[str, Any]:
        """Return what the run came to; a question counts as skipped each time it had no right span to learn from."""
        epochs, rest = divmod(progress.step, per_epoch)
        asked = epochs * len(self.tuned) + rest * self.config.batch_questions
        heads = self.training.model
        measured = [round(percent, 3) for percent in heads.exact_match.tolist()]
        return {
            "questions": len(self.tuned),
            "questions_seen": progress.questions,
            "questions_skipped": asked - progress.questions,
            "unseen_questions": len(self.unseen),
            "exact_match_before": measured[0],
            "exact_match_after": measured[heads.best_epoch],
            "exact_match_by_epoch": measured[1:],
            "best_epoch": heads.best_epoch,
        }

    def _batches(self, last: int, per_epoch: int, first: int) -> Iterator[list[FrozenQuestion]]:
        size, seed = self.config.batch_questions, self.config.seed
        return endless(
            lambda epoch, number: question_batches(self.tuned, size, seed, epoch, number), first, last, per_epoch
        )

    def _loss(self, questions: list[FrozenQuestion]) -> StepLoss:
        """Search with the heads as they are, and compare what is found."""
        heads = self.training.model.heads
        vectors = question_vectors(heads, questions)
        found = [self.finder.find(item, vectors.part(slice(row, row + 1))) for row, item in enumerate(questions)]
        learned = [(item, spans) for item, spans in zip(questions, found, strict=True) if spans is not None]
        drift = self.training.model.drift()
        parts = {"drift": drift}
        total = self.config.pull * drift
        if learned:
            batch = pad_candidates([spans for _, spans in learned], self.training.device)
            with self.training.autocast():
                start, end = heads(*pad_states([item for item, _ in learned], self.training.device))
            losses = query_side_losses(start.float(), end.float(), batch, self.config.temperature)
            parts |= losses._asdict()
            total = total + losses.span + self.config.side_loss * (losses.start + losses.end)
        return StepLoss(total, parts, len(learned))

    def _measure(self, epoch: int, progress: TrainingProgress) -> None:
        """Note the exact match after an epoch, unless an earlier run has."""
        heads = self.training.model
        if not math.isnan(float(heads.exact_match[epoch])):
            return
        stored = heads.stored(self.precision)
        right = sum(self._right(stored, at) for at in range(0, len(self.unseen), _MEASURED_TOGETHER))
        heads.remember(epoch, 100 * right / len(self.unseen), stored)
        _log.info("epoch %d/%d  exact match %.2f", epoch, len(heads.exact_match) - 1, float(heads.exact_match[epoch]))
        save_checkpoint(self.training.folder, heads, self.training.optimiser, progress)

    def _right(self, heads: HeadPair, first: int) -> int:
        """Count the right answers to some unseen questions."""
        questions = self.unseen[first : first + _MEASURED_TOGETHER]
        vectors = question_vectors(heads, questions)
        return sum(
            self.finder.answers_right(item.question, vectors.part(slice(row, row + 1)))
            for row, item in enumerate(questions)
        )


def _identity(
    config: QuerySideConfig, reader: IndexReader, questions: Sequence[Question], excluded: Sequence[str]
) -> str:
    manifest = (reader.path / MANIFEST_FILE).read_bytes()  # holds the checksums of all rows, and the encoder's
    return run_identity("query side", {**asdict(config), "excluded": excluded}, questions, manifest)
