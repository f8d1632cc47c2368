"""Backbones: the transformers below the heads of an encoder or a reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from densephrase.encoder.first_use import library_errors


def new_backbone(settings: Mapping[str, Any]) -> PreTrainedModel:
    """Build the backbone of a Hugging Face configuration, with random weights; EncoderError when it cannot be built."""
    # A number of labels makes transformers name them all, though a backbone has none.
    known = {key: value for key, value in settings.items() if key not in ("model_type", "num_labels")}
    with library_errors(f"The encoder's backbone {settings['model_type']!r} cannot be built"):
        architecture = AutoConfig.for_model(settings["model_type"], **known)
        backbone: PreTrainedModel = AutoModel.from_config(architecture, dtype=torch.float32)
        return backbone


def drop_pooler(backbone: PreTrainedModel) -> PreTrainedModel:
    """Remove the pooler, whose vector is never used, so that its weights are not stored; return the backbone."""
    if hasattr(backbone, "pooler"):
        backbone.register_module("pooler", None)
    return backbone


def position_count(backbone: PreTrainedModel) -> int | None:
    """Return how many tokens a row of the backbone may have, None where positions are relative."""
    positions = getattr(backbone.config, "max_position_embeddings", None)
    if not positions or positions < 0:
        return None
    # RoBERTa and its kin count positions from behind the padding token's number.
    return int(positions) - 1 - int(getattr(getattr(backbone, "embeddings", None), "padding_idx", -1))
