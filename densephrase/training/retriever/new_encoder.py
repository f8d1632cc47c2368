"""The encoder a run starts from: a pretrained backbone for each tower, or a passage encoder that is trained further."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from densephrase.encoder.files.backbones import load_backbone
from densephrase.encoder.passage.config import PassageEncoderConfig, is_passage_encoder
from densephrase.encoder.passage.model import BiEncoder
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.encoder.passage.tokens import PassageTokeniser
from densephrase.errors import TrainingError
from densephrase.training.retriever.config import RetrieverTrainingConfig

_READING = ("pooling", "normalise", "title", "max_passage_tokens", "max_question_tokens")


def new_encoder(config: RetrieverTrainingConfig, device: str) -> PassageEncoder:
    """Return the encoder, with the lengths and the pooling of `config`.

    Raises EncoderError when the backbone cannot be loaded, TrainingError when two towers are to become one.
    """
    reading: dict[str, Any] = {name: getattr(config, name) for name in _READING}
    if is_passage_encoder(Path(config.backbone)):
        former = PassageEncoder.from_pretrained(config.backbone)
        model, tokenizer = _further(former, config, reading)
    else:
        backbone, tokenizer, settings = load_backbone(config.backbone)
        del settings["question_mark_id"]
        encoder_config = PassageEncoderConfig(**settings, is_shared=config.shared, **reading)
        model = BiEncoder(encoder_config, backbone, None if config.shared else copy.deepcopy(backbone))
    return PassageEncoder(model, PassageTokeniser(tokenizer, model.config), device)


def _further(
    former: PassageEncoder, config: RetrieverTrainingConfig, reading: dict[str, Any]
) -> tuple[BiEncoder, Tokenizer]:
    """Start from both towers of an encoder; one that is shared becomes two where `config` asks for them.

    Its weight of BM25 was tuned beside the scores that training changes, and stays behind.
    """
    if config.shared and not former.config.is_shared:
        raise TrainingError(
            f"The encoder {config.backbone} has a tower for questions and one for passages, the training setting "
            "shared asks for one; leave it out, or start from another encoder."
        )
    settings = replace(former.config, is_shared=config.shared, term_weight=None, training={}, **reading)
    question = None if config.shared else copy.deepcopy(former.model.question_tower)
    return BiEncoder(settings, former.model.passage, question), former.tokeniser.tokenizer
