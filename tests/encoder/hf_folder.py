"""A tiny backbone as Hugging Face users have it: a folder written by `save_pretrained`."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from tests.conftest import make_tokenizer

SPECIAL = {"unk_token": "[UNK]", "pad_token": "[PAD]"}
MARKERS = {"cls_token": "[CLS]", "sep_token": "[SEP]"}


def save_tokenizer(folder: Path, **tokens: str) -> None:
    """Write the tiny tokenizer with these special tokens."""
    PreTrainedTokenizerFast(tokenizer_object=make_tokenizer(), **SPECIAL, **tokens).save_pretrained(folder)


def save_backbone(folder: Path, hidden_size: int = 32, dropout: float = 0.1, positions: int = 64) -> Path:
    """Write a two-layer BERT of fixed random weights, with its tokenizer."""
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=make_tokenizer().get_vocab_size(),
        hidden_size=hidden_size,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * hidden_size,
        max_position_embeddings=positions,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    save_tokenizer(folder, **MARKERS)
    return folder
