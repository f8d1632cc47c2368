"""The state of query-side fine-tuning and its stages: search with the heads as they are, learn, measure, save."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

import densephrase
from densephrase.data import Question
from densephrase.encoder.files.stored_weights import Precision
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.errors import TrainingError
from densephrase.index.index_reader import IndexReader
from densephrase.training.loop.checkpoint import TrainingProgress, save_checkpoint
from densephrase.training.loop.loop import StepLoss, Training
from densephrase.training.loop.objective import Objective
from densephrase.training.query_side.candidates import TuningSearcher
from densephrase.training.query_side.config import QuerySideConfig
from densephrase.training.query_side.heads import HeadPair, TunedHeads, question_vectors, write_tuned_encoder
from densephrase.training.query_side.loss import pad_candidates, query_side_losses
from densephrase.training.query_side.questions import FrozenQuestion, freeze_questions, pad_states, question_batches

_log = logging.getLogger(__name__)
_MEASURED_TOGETHER = 64  # questions


@dataclass(slots=True)
class QuerySideRun:
    """The state of a run: the heads, where their candidates come from, and the questions to tune on and measure with.

    Each stage is one of its methods.
    """

    folder: Path
    config: QuerySideConfig
    reader: IndexReader
    encoder: PhraseEncoder
    precision: Precision  # of the encoder's stored weights
    searcher: TuningSearcher
    training: Training[TunedHeads]
    per_epoch: int  # batches
    excluded: Sequence[str]  # ids of documents
    asked: tuple[Sequence[Question], Sequence[Question]]  # to tune on, and unseen
    progress: TrainingProgress
    tuned: Sequence[FrozenQuestion] = ()
    unseen: Sequence[FrozenQuestion] = ()
    summary: dict[str, Any] = field(default_factory=dict)

    def freeze(self) -> None:
        """Encode all questions as far as tuning leaves them alone."""
        self.tuned, self.unseen = (freeze_questions(self.encoder, side) for side in self.asked)

    def learn(self) -> None:
        """Train epoch by epoch; each is measured once, at its end, and the measure goes into the checkpoint."""
        objective = Objective(self._loss, self._epoch, self.per_epoch)
        self._measure(0)
        epochs = len(self.training.model.exact_match) - 1
        for epoch in range(1, epochs + 1):
            last = min(epoch * self.per_epoch, self.training.steps)
            if self.progress.step < last:
                self.progress = objective.minimise(self.training, self.progress, last)
            self._check_learning()
            self._measure(epoch)

    def save(self) -> None:
        """Write the encoder with the best heads, and how they were tuned."""
        self.summary = self._summary()
        note = {
            **self.summary,
            "settings": asdict(self.config),
            "library": densephrase.__version__,
            "torch": torch.__version__,
            "index_encoder": self.encoder.fingerprint,
        }
        write_tuned_encoder(self.reader.encoder_path, self.folder, self.training.model, note)

    def _check_learning(self) -> None:
        """Raise TrainingError when no question so far had a right span to learn from."""
        if not self.progress.questions:
            asked = min(self.progress.step * self.config.batch_questions, len(self.tuned))
            raise TrainingError(
                f"None of {asked} questions has a right span among its best {self.config.candidates} starts; "
                "tune on questions that the documents of the index answer."
            )

    def _epoch(self, epoch: int, first: int) -> Iterator[list[FrozenQuestion]]:
        return question_batches(self.tuned, self.config.batch_questions, self.config.seed, epoch, first)

    def _loss(self, training: Training[TunedHeads], questions: list[FrozenQuestion]) -> StepLoss:
        """Search with the heads as they are, and compare what is found."""
        heads = training.model.heads
        vectors = question_vectors(heads, questions)
        found = [self.searcher.find(item, vectors.part(slice(row, row + 1))) for row, item in enumerate(questions)]
        learned = [(item, spans) for item, spans in zip(questions, found, strict=True) if spans is not None]
        drift = training.model.drift()
        parts = {"drift": drift}
        total = self.config.pull * drift
        if learned:
            batch = pad_candidates([spans for _, spans in learned], training.device)
            with training.autocast():
                start, end = heads(*pad_states([item for item, _ in learned], training.device))
            losses = query_side_losses(start.float(), end.float(), batch, self.config.temperature)
            parts |= losses._asdict()
            total = total + losses.span + self.config.side_loss * (losses.start + losses.end)
        return StepLoss(total, parts, len(learned))

    def _measure(self, epoch: int) -> None:
        """Note the exact match after an epoch, unless an earlier run has."""
        heads = self.training.model
        if not math.isnan(float(heads.exact_match[epoch])):
            return
        stored = heads.stored(self.precision)
        right = sum(self._right(stored, at) for at in range(0, len(self.unseen), _MEASURED_TOGETHER))
        heads.remember(epoch, 100 * right / len(self.unseen), stored)
        _log.info("epoch %d/%d  exact match %.2f", epoch, len(heads.exact_match) - 1, float(heads.exact_match[epoch]))
        save_checkpoint(self.folder, heads, self.training.optimiser, self.progress)

    def _right(self, heads: HeadPair, first: int) -> int:
        """Count the right answers to some unseen questions."""
        questions = self.unseen[first : first + _MEASURED_TOGETHER]
        vectors = question_vectors(heads, questions)
        return sum(
            self.searcher.answers_right(item.question, vectors.part(slice(row, row + 1)))
            for row, item in enumerate(questions)
        )

    def _summary(self) -> dict[str, Any]:
        """Return what the run came to; a question counts as skipped each time it had no right span to learn from."""
        epochs, rest = divmod(self.progress.step, self.per_epoch)
        asked = epochs * len(self.tuned) + rest * self.config.batch_questions
        heads = self.training.model
        measured = [round(percent, 3) for percent in heads.exact_match.tolist()]
        return {
            "questions": len(self.tuned),
            "questions_seen": self.progress.questions,
            "questions_skipped": asked - self.progress.questions,
            "unseen_questions": len(self.unseen),
            "exact_match_before": measured[0],
            "exact_match_after": measured[heads.best_epoch],
            "exact_match_by_epoch": measured[1:],
            "best_epoch": heads.best_epoch,
            "excluded_documents": len(self.excluded),
        }
