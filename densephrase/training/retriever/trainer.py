"""Training of a passage encoder: in-batch negatives and hard ones (DPR, section 3.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from densephrase.encoder.device import find_device, on_device
from densephrase.encoder.passage.model import BiEncoder
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.encoder.passage.tokens import PassageTokeniser
from densephrase.errors import TrainingError
from densephrase.training.contrastive.gradient_cache import encode_in_chunks
from densephrase.training.contrastive.losses import cross_batch_nll
from densephrase.training.data.holdout import check_some_left, split_by_article
from densephrase.training.loop.attention import use_training_attention
from densephrase.training.loop.checkpoint import TrainingProgress, load_checkpoint
from densephrase.training.loop.loop import StepLoss, Training
from densephrase.training.loop.objective import Objective, planned_steps
from densephrase.training.loop.processes import (
    MEETING,
    first_process_first,
    joined_processes,
    process_count,
    process_rank,
)
from densephrase.training.loop.run_identity import run_identity
from densephrase.training.loop.stages import Stage, run_report, run_stages
from densephrase.training.retriever.batches import RetrieverBatch, TokenisedPool, count_batches
from densephrase.training.retriever.config import RetrieverTrainingConfig
from densephrase.training.retriever.examples import (
    PassagePool,
    PoolExample,
    TrainingRow,
    answered,
    place_of,
)
from densephrase.training.retriever.mining import mine_negatives
from densephrase.training.retriever.new_encoder import new_encoder

_log = logging.getLogger(__name__)
_MEASURED = 2_000  # held-out questions at most
_CUTOFFS = (1, 5, 20)


def train_retriever(
    rows: Sequence[TrainingRow],
    output: str | Path,
    config: RetrieverTrainingConfig,
    device: str = "cpu",
    meeting: str = MEETING,
) -> dict[str, Any]:
    """Train a passage encoder and save it in `output`; a stopped run goes on from its last checkpoint there.

    Processes that torchrun started share each batch, and score their questions against the passages of all; `meeting`
    is where they find each other (see `joined_processes`).

    Returns what the run came to, with the ranks of gold passages among those of all held-out questions, and the seconds
    of each stage; of several processes, the first one alone, and the others nothing. Raises as
    `densephrase.training.phrase.trainer.train` does.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    with joined_processes(find_device(device), meeting) as own:
        run = _RetrieverRun.start(rows, folder, config, str(own))
        seconds = run_stages(RETRIEVER_STAGES, run)
        return run_report(run, seconds, "encoder") if process_rank() == 0 else {}


@dataclass(slots=True)
class _RetrieverRun:
    """The state of a passage encoder's training, which its stages hand on."""

    rows: Sequence[TrainingRow]
    folder: Path
    config: RetrieverTrainingConfig
    encoder: PassageEncoder
    pool: PassagePool
    held_out: Sequence[TrainingRow]
    batches: TokenisedPool | None = None
    progress: TrainingProgress = field(default_factory=TrainingProgress)
    summary: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def start(
        cls, rows: Sequence[TrainingRow], folder: Path, config: RetrieverTrainingConfig, device: str
    ) -> _RetrieverRun:
        """Make the encoder and the pool of passages."""
        torch.manual_seed(config.seed)
        kept, held_out = map(answered, split_by_article(rows, config.held_out_articles, place_of))
        if left_out := len(rows) - len(kept) - len(held_out):
            _log.warning("left out %d questions that their paragraph does not answer", left_out)
        check_some_left(kept, held_out, config.held_out_articles)
        if not count_batches(len(kept), config.batch_questions):
            raise TrainingError(
                f"There are {len(kept)} questions to train on; expected at least {process_count()}, one a process."
            )
        pool = PassagePool.of(kept, config.given)
        return cls(rows, folder, config, new_encoder(config, device), pool, held_out)

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch."""
        return count_batches(len(self.pool.examples), self.config.batch_questions)

    @property
    def steps(self) -> int:
        """Gradient steps of the run."""
        return planned_steps(self.config, self.config.epochs, self.per_epoch)


def _mine(run: _RetrieverRun) -> None:
    """Find the hard negatives of the questions that the run comes to, and tokenise everything."""
    config, pool, encoder = run.config, run.pool, run.encoder
    asked = range(len(pool.examples))
    if run.steps < run.per_epoch:
        order = np.random.default_rng((config.seed, 0)).permutation(len(pool.examples))
        asked = np.sort(order[: run.steps * config.batch_questions]).tolist()
    examples = list(pool.examples)
    with first_process_first():
        mined = mine_negatives(pool, [examples[number] for number in asked], config, run.folder, encoder.device)
    for number, row in zip(asked, mined, strict=True):
        examples[number] = _with_negatives(examples[number], row)
    found = [len(examples[number].negatives) for number in asked]
    run.summary["hard_negatives_per_question"] = round(float(np.mean(found)), 2)
    if config.hard_negatives and not any(found):
        _log.warning("no question has a hard negative from %s; passages are drawn at random instead", config.negatives)
    limit = min(config.training_tokens, config.max_passage_tokens)
    tokeniser = PassageTokeniser(encoder.tokeniser.tokenizer, replace(encoder.config, max_passage_tokens=limit))
    run.batches = TokenisedPool(
        encoder.tokeniser.questions([example.text for example in examples]),
        tokeniser.passages(pool.passages),
        examples,
        encoder.config.pad_token_id,
    )


def _with_negatives(example: PoolExample, mined: NDArray[np.int32]) -> PoolExample:
    return replace(example, negatives=(*example.negatives, *mined[mined >= 0].tolist()))


def _take_gradient_steps(run: _RetrieverRun) -> None:
    """Train the model from the folder's checkpoint on, or from the start where there is none."""
    config, model = run.config, run.encoder.model
    for tower in model.towers:
        use_training_attention(tower)
    training = Training.start(model, config, torch.device(run.encoder.device), run.folder, run.steps)
    together = f"{process_count()} processes".encode() if process_count() > 1 else b""
    identity = run_identity("retriever", asdict(config), run.rows, together)
    progress = load_checkpoint(run.folder, model, training.optimiser, identity)
    run.progress = Objective(_loss, partial(_epoch, run), run.per_epoch).minimise(training, progress)
    model.eval()


def _epoch(run: _RetrieverRun, number: int, first: int) -> Iterator[RetrieverBatch]:
    config, batches = run.config, run.batches
    if batches is None:
        raise RuntimeError("the gradient steps come after the negatives")
    return batches.epoch(config.batch_questions, config.hard_negatives, config.seed, number, first)


def _loss(training: Training[BiEncoder], batch: RetrieverBatch) -> StepLoss:
    batch, model, config = on_device(batch, training.device), training.model, training.config
    if not isinstance(config, RetrieverTrainingConfig):
        raise TypeError(f"a retriever is trained with settings of its own, not {type(config).__name__}")
    with training.autocast():
        questions = encode_in_chunks(model.encode_questions, (batch.question_ids, batch.question_mask), config.chunk)
        passages = encode_in_chunks(model.encode_passages, (batch.passage_ids, batch.passage_mask), config.chunk)
    loss = cross_batch_nll(questions, passages, batch.passage_numbers, config.scale, batch.others)
    return StepLoss(loss.loss, loss.parts(), len(questions))


def _measure(run: _RetrieverRun) -> None:
    """Rank the gold passages of held-out questions among those of all of them, where there are any."""
    if not run.held_out or process_rank() > 0:
        return
    encoder = PassageEncoder(run.encoder.model, run.encoder.tokeniser, run.encoder.device)
    pool = PassagePool.of(run.held_out)
    chosen = np.random.default_rng(run.config.seed).permutation(len(pool.examples))[:_MEASURED]
    examples = [pool.examples[number] for number in chosen]
    vectors = encoder.encode_passages(pool.passages)
    scores = encoder.encode_questions([example.text for example in examples]) @ vectors.T
    rank = np.array([gold_rank(row, example) for row, example in zip(scores, examples, strict=True)])
    run.summary |= {f"held_out_top_{cutoff}": float((rank <= cutoff).mean()) for cutoff in _CUTOFFS}
    run.summary["held_out_passages"] = len(pool.passages)


def gold_rank(scores: NDArray[np.float32], example: PoolExample) -> int:
    """Return the rank of the best passage that answers, behind those of equal score that do not.

    Vectors that are all the same find nothing.
    """
    answering = scores[[example.positive, *example.others]]
    return 1 + int((scores >= answering.max()).sum() - (answering == answering.max()).sum())


def _save(run: _RetrieverRun) -> None:
    """Write the encoder with a summary of how it was made."""
    if process_rank() > 0:
        return
    steps = {"steps": run.progress.step, "questions_seen": run.progress.questions}
    run.summary = {"settings": asdict(run.config), **steps, **run.summary}
    model, encoder = run.encoder.model, run.encoder
    model.config = replace(model.config, training=run.summary)
    PassageEncoder(model, encoder.tokeniser, encoder.device).save_pretrained(run.folder)


RETRIEVER_STAGES = (
    Stage("hard negatives", _mine),
    Stage("gradient steps", _take_gradient_steps),
    Stage("measure", _measure),
    Stage("save", _save),
)
