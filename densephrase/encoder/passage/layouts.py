"""Published encoders: which layout a folder has, and the bi-encoder that its files make."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from densephrase.encoder.files.backbones import load_backbone
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.passage.model import BiEncoder
from densephrase.errors import EncoderError


def load_published(name: str | Path) -> tuple[BiEncoder, Tokenizer]:
    """Return the bi-encoder and the tokenizer of "minilm"."""
    if name != "minilm":
        raise EncoderError(f"There is no passage encoder {str(name)!r}; give 'minilm' or the folder of one.")
    backbone, tokenizer, settings = load_backbone("minilm")
    settings.pop("question_mark_id")
    config = PassageEncoderConfig(
        **settings,
        is_shared=True,
        pooling="mean",
        normalise=True,
        max_passage_tokens=256,
        max_question_tokens=256,
        title="text",
    )
    return BiEncoder(config, backbone), tokenizer
