"""Settings of a passage encoder and of its training; all of them are stored with the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from densephrase.encoder.passage.forms import Pooling, TitleForm
from densephrase.errors import TrainingError
from densephrase.training.loop.settings import LoopConfig, setting

GIVEN = "given"


@dataclass(frozen=True, slots=True)
class RetrieverTrainingConfig(LoopConfig):
    """Hyper-parameters; the command line makes a flag of each. Raises TrainingError when a value makes no sense.

    DPR's own (Karpukhin et al. 2020, section 4.2): `pooling` cls, 40 epochs of 128 questions, `learning_rate` 2e-5,
    `warmup` by 1,237 steps, `clip` 2, no weight decay, 256 tokens, a BM25 negative for each question.
    """

    backbone: str = setting("minilm", "'minilm', a Hugging Face folder or hub id, or the folder of a passage encoder")
    shared: bool = setting(False, "one tower for questions and passages instead of one for each")
    pooling: str = setting("mean", "'cls', the first token, or 'mean', over all tokens")
    normalise: bool = setting(False, "vectors of unit length (then set scale, to about 20)")
    scale: float = setting(1.0, "what the loss multiplies dot products with", 0)
    title: str = setting("segment", "'segment', before the passage; 'text', in its first line; or 'none'")
    max_passage_tokens: int = setting(256, "longest passage that the encoder reads, special tokens included", 3)
    max_question_tokens: int = setting(64, "longest question that the encoder reads, special tokens included", 3)
    training_tokens: int = setting(160, "longest passage in training, special tokens included", 3)
    epochs: float = setting(2.0, "passes over the questions", 0)
    batch_questions: int = setting(48, "questions in a batch, of all processes, each with its passage", 1)
    hard_negatives: int = setting(1, "hard negatives for each question in a batch", 0)
    negatives: str = setting(
        "bm25",
        "where hard negatives come from, with commas between them: 'bm25', 'given' (those of data in DPR's form), "
        "folders of passage encoders",
    )
    negatives_depth: int = setting(100, "best passages among which hard negatives are looked for", 1)
    negatives_kept: int = setting(10, "hard negatives kept for each question, of each source", 1)
    chunk: int = setting(0, "questions, or passages, encoded at a time with cached gradients; 0 for all at once", 0)
    learning_rate: float = setting(2e-5, "peak learning rate", 0)
    weight_decay: float = setting(0.0, "decoupled weight decay of matrices", 0)
    clip: float = setting(2.0, "largest gradient norm", 0)

    def __post_init__(self) -> None:
        """Check the choices, which are plain text for the command line."""
        LoopConfig.__post_init__(self)
        for name, choices in (("pooling", get_args(Pooling)), ("title", get_args(TitleForm))):
            if getattr(self, name) not in choices:
                expected = ", ".join(map(repr, choices))
                raise TrainingError(f"Training setting {name}={getattr(self, name)!r}; expected one of {expected}.")
        if self.hard_negatives and not self.sources:
            raise TrainingError("Training setting negatives is empty; expected 'bm25' or the folder of an encoder.")

    @property
    def given(self) -> int:
        """How many hard negatives are taken from each row of the data."""
        return self.negatives_kept if GIVEN in self.sources else 0

    @property
    def sources(self) -> tuple[str, ...]:
        """Where hard negatives come from; none where a batch has none."""
        names = [name.strip() for name in self.negatives.split(",")] if self.hard_negatives else []
        return tuple(name for name in names if name)
