"""The model a run starts from: a pretrained backbone with new heads, or an encoder that is trained further."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.backbones import load_backbone, question_mark
from densephrase.encoder.files.location import find_encoder_folder, is_encoder
from densephrase.encoder.files.weights import load_exactly, read_weights
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import TrainingError
from densephrase.training.phrase.config import TrainingConfig

_AFTER_TRAINING = ("quantiser.", "sparse_factors.")  # what the end of a run makes of the weights
_SHAPES = ("coherency_rank", "head_hidden_size")


def new_model(config: TrainingConfig) -> tuple[PhraseModel, PhraseTokeniser]:
    """Return the model and its tokeniser, on CPU, with the sizes and limits of `config`.

    Raises EncoderError when the backbone cannot be loaded, TrainingError when an encoder has other sizes than `config`.
    """
    if is_encoder(config.backbone):
        return _from_encoder(find_encoder_folder(config.backbone), config)
    if config.trained_share < 1:
        raise _no_start(config, "has no heads")
    backbone, tokenizer, settings = load_backbone(config.backbone)
    encoder_config = EncoderConfig(**settings, **_sizes(config))
    return PhraseModel(encoder_config, backbone), PhraseTokeniser(tokenizer, encoder_config)


def _from_encoder(folder: Path, config: TrainingConfig) -> tuple[PhraseModel, PhraseTokeniser]:
    """Start from all weights of an encoder, heads and filter included; its search weights stay, its confidence goes.

    Sparc heads are made where it has none. Its vectors may be longer than `config` asks for; training shortens them.
    """
    former = EncoderConfig.load(folder)
    if former.vector_size < config.vector_size or former.sparc_size not in (0, config.sparc_size):
        raise TrainingError(
            f"The encoder {folder} has vectors of {former.vector_size} dimensions and Sparc heads of "
            f"{former.sparc_size}, the training settings ask for {config.vector_size} and {config.sparc_size}; vectors "
            f"can only be shortened (vector_size={former.vector_size} or less) and heads only be added."
        )
    for name in _SHAPES:
        if getattr(former, name) != getattr(config, name):
            raise TrainingError(
                f"The encoder {folder} has {name}={getattr(former, name)}, the training settings say "
                f"{getattr(config, name)}; an encoder that is trained further keeps its sizes."
            )
    encoder_config = replace(former, **{**_sizes(config), "vector_size": former.vector_size, "confidence": {}})
    model = PhraseModel(encoder_config)
    state, _ = read_weights(folder)
    weights = {name: value for name, value in state.items() if not name.startswith(_AFTER_TRAINING)}
    if not former.sparc_size:
        if config.sparc_size and config.trained_share < 1:
            raise _no_start(config, "has no Sparc heads")
        weights |= {name: value for name, value in model.state_dict().items() if name.startswith("sparc.")}
    load_exactly(model, weights, str(folder))
    tokeniser = PhraseTokeniser.load(folder, encoder_config)
    model.config = replace(encoder_config, question_mark_id=question_mark(tokeniser.tokenizer))
    return model, tokeniser


def _no_start(config: TrainingConfig, reason: str) -> TrainingError:
    return TrainingError(
        f"Training setting trained_share={config.trained_share} mixes the trained weights with those of the "
        f"encoder that they come from, but {config.backbone} {reason}; train it without that "
        "first, and then the encoder further."
    )


def _sizes(config: TrainingConfig) -> dict[str, Any]:
    room = config.max_tokens - config.max_title_tokens - 3
    return {
        "vector_size": config.vector_size,
        "coherency_rank": config.coherency_rank,
        "sparc_size": config.sparc_size,
        "sparc_rank": config.sparc_rank,
        "head_hidden_size": config.head_hidden_size,
        "max_tokens": config.max_tokens,
        "window_stride": max(1, min(config.max_tokens // 2, room)),
        "max_title_tokens": config.max_title_tokens,
        "max_answer_tokens": config.max_answer_tokens,
    }
