"""Settings of query-side fine-tuning; all of them are stored with the weights."""

from __future__ import annotations

from dataclasses import dataclass

from densephrase.errors import TrainingError
from densephrase.training.loop.settings import LoopConfig, setting

_CHOICES = {"weights": ("biases", "all"), "articles": ("held-out", "all"), "labels": ("answer", "position")}


@dataclass(frozen=True, slots=True)
class QuerySideConfig(LoopConfig):
    """Hyper-parameters; the command line makes a flag of each. Raises TrainingError when a value makes no sense."""

    epochs: int = setting(3, "passes over the questions", 1)
    batch_questions: int = setting(32, "questions in a batch", 1)
    weights: str = setting(
        "biases",
        "what of the heads is tuned: 'biases' (and the pooling attention; too few numbers to memorise answers) "
        "or 'all', which wants a learning rate of 1e-4 and many questions",
    )
    learning_rate: float = setting(1e-3, "peak learning rate", 0)
    weight_decay: float = setting(0.0, "decoupled weight decay of matrices", 0)
    pull: float = setting(0.01, "weight of the squared distance of the question heads from where they started", 0)
    candidates: int = setting(100, "best starts, each with all its ends, that a question learns from", 1)
    temperature: float = setting(
        1.5, "divides scores in the losses; 1.5 fits how sure the scores of encoders are", 0.01
    )
    side_loss: float = setting(0.0, "weight of the loss of starts alone, and of ends alone (DensePhrases: 1)", 0)
    labels: str = setting(
        "answer",
        "which spans are right: 'answer' (an answer's text, anywhere) or 'position' (only where it was marked, for "
        "questions whose paragraph is in the index)",
    )
    articles: str = setting(
        "held-out",
        "whose questions are asked: 'held-out' (of the articles that the encoder was not trained on) or 'all'; a file "
        "without articles gives all its questions",
    )
    held_out_articles: int = setting(40, "articles, by hash of the title, that the encoder was not trained on", 1)
    unseen_articles: int = setting(10, "of the articles asked about, those kept apart to choose the epoch", 1)
    precision: str = setting("float32", "'bf16', 'float32' or 'auto' (bf16 where the processor has it)")

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        LoopConfig.__post_init__(self)
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                expected = " or ".join(map(repr, choices))
                raise TrainingError(f"Training setting {name}={getattr(self, name)!r}; expected {expected}.")
