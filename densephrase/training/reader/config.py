"""Settings of a reader and of its training; all of them are stored with the weights."""

from __future__ import annotations

from dataclasses import dataclass

from densephrase.training.loop.settings import LoopConfig, setting


@dataclass(frozen=True, slots=True)
class ReaderTrainingConfig(LoopConfig):
    """Hyper-parameters; the command line makes a flag of each. Raises TrainingError when a value makes no sense."""

    backbone: str = setting(
        "default",
        "'minilm', a Hugging Face folder or hub id; or 'default' or a phrase encoder's folder, to start from its tower",
    )
    max_tokens: int = setting(320, "tokens of question and window together, special tokens included", 20)
    max_answer_tokens: int = setting(20, "longest answer span", 1)
    epochs: float = setting(1.5, "passes over the questions", 0)
    batch_questions: int = setting(64, "questions in a batch, each with its paragraph", 1)
    learning_rate: float = setting(1e-4, "peak learning rate", 0)
