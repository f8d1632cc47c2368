"""Settings as dataclass fields that know their meaning and their bounds; the command line makes flags of them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from densephrase.errors import TrainingError


def setting(default: Any, meaning: str, least: float | None = None, most: float | None = None) -> Any:
    """Declare a setting: its default, what it means, and its bounds, both inclusive."""
    return field(default=default, metadata={"help": meaning, "least": least, "most": most})


def check_settings(config: Any) -> None:
    """Raise TrainingError when a setting is outside the bounds that its field declares."""
    for item in fields(config):
        value, least, most = getattr(config, item.name), item.metadata["least"], item.metadata["most"]
        if least is not None and not value >= least:
            raise TrainingError(f"Training setting {item.name}={value}; at least {least} is needed.")
        if most is not None and value > most:
            raise TrainingError(f"Training setting {item.name}={value}; at most {most} makes sense.")
    if config.precision not in ("auto", "bf16", "float32"):
        raise TrainingError(f"Training setting precision={config.precision!r}; expected 'auto', 'bf16' or 'float32'.")


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """The settings that every training has."""

    max_steps: int = setting(0, "stop the schedule after this many steps instead of the epochs, 0 for no limit", 0)
    learning_rate: float = setting(2e-4, "peak learning rate", 0)
    warmup: float = setting(0.06, "share of the steps with a growing learning rate", 0, 1)
    weight_decay: float = setting(0.01, "decoupled weight decay of matrices", 0)
    clip: float = setting(1.0, "largest gradient norm", 0)
    held_out_articles: int = setting(40, "SQuAD articles, by hash of the title, kept out of training", 0)
    checkpoint_minutes: float = setting(5.0, "minutes between checkpoints", 0)
    seed: int = setting(13, "seed of everything random", 0)
    precision: str = setting("auto", "'bf16', 'float32' or 'auto' (bf16 where the processor has it)")

    def __post_init__(self) -> None:
        """Refuse settings that make no sense."""
        check_settings(self)
