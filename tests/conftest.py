"""A small real encoder, made on the spot: random weights, a word-piece vocabulary, windows of 32 tokens.

Tests that count how often they try something are marked `soak`: `make soak` lets them try fifty times as often.
"""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import is_hypothesis_test, settings
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.passage.config import PassageEncoderConfig
from densephrase.encoder.passage.model import BiEncoder
from densephrase.encoder.passage.passage_encoder import PassageEncoder
from densephrase.encoder.passage.tokens import PassageTokeniser
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.phrase.row_quantisers import RowQuantisers
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.quantise.scalar import VectorQuantiser
from densephrase.training.finish.factors import fit_factors
from tests.soaking import TIMES, examples

if TIMES > 1:
    settings.register_profile("soak", max_examples=examples(settings.default.max_examples), deadline=None)
    settings.load_profile("soak")

_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
_WORDS = [
    *("the", "of", "and", "in", "was", "by", "to", "who", "what", "when", "where", "which", "paris", "london"),
    *("river", "city", "king", "queen", "war", "year", "born"),
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that count."""
    for item in items:
        if isinstance(item, pytest.Function) and (is_hypothesis_test(item.obj) or "soak" in item.fixturenames):
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def soak() -> int:
    """How many times the usual count: 1, or 50 under `make soak`."""
    return TIMES


def make_tokenizer() -> Tokenizer:
    """Build an uncased word-piece tokenizer over ASCII letters, digits and a few words."""
    characters = string.ascii_lowercase + string.digits + string.punctuation
    pieces = [*_SPECIAL, *characters, *("##" + character for character in characters), *_WORDS]
    tokenizer = Tokenizer(models.WordPiece({piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def make_architecture(tokenizer: Tokenizer) -> dict[str, object]:
    """Return the Hugging Face configuration of a two-layer BERT of 32 dimensions."""
    return {
        "model_type": "bert",
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 64,
    }


def make_config(tokenizer: Tokenizer, **changes: object) -> EncoderConfig:
    """Return the configuration of a phrase encoder with a two-layer BERT of 32 dimensions."""
    backbone = make_architecture(tokenizer)
    settings = {
        "vector_size": 32,
        "coherency_rank": 4,
        "head_hidden_size": 16,
        "max_tokens": 32,
        "window_stride": 12,
        "max_title_tokens": 4,
        "max_question_tokens": 16,
        "max_answer_tokens": 6,
        "cls_token_id": 2,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "question_mark_id": tokenizer.token_to_id("?"),
    }
    return EncoderConfig(backbone=backbone, **{**settings, **changes})  # type: ignore[arg-type]


def make_encoder(**changes: object) -> PhraseEncoder:
    """Return an encoder of fixed random weights; `changes` go into its configuration."""
    tokenizer = make_tokenizer()
    config = make_config(tokenizer, **changes)
    torch.manual_seed(7)
    model = PhraseModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    factors = None
    if model.sparc is not None:
        factors = fit_factors(model.sparc, _spread_sparc(model), config.sparse_rank)
    quantiser = VectorQuantiser(np.zeros(config.row_size, np.float32), np.full(config.row_size, 0.05, np.float32))
    tokeniser = PhraseTokeniser(tokenizer, config)
    return PhraseEncoder(model, tokeniser, RowQuantisers(quantiser, quantiser, factors), bf16=False)


def make_passage_encoder(**changes: object) -> PassageEncoder:
    """Return a passage encoder of fixed random weights, by default with two towers; `changes` go into its settings."""
    tokenizer = make_tokenizer()
    settings = {
        "backbone": make_architecture(tokenizer),
        "max_passage_tokens": 48,
        "max_question_tokens": 24,
        "cls_token_id": 2,
        "sep_token_id": 3,
        "pad_token_id": 0,
    }
    config = PassageEncoderConfig(**{**settings, **changes})  # type: ignore[arg-type]
    torch.manual_seed(11)
    model = BiEncoder(config)
    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, mean=float("LayerNorm.weight" in name), std=0.2)
    return PassageEncoder(model, PassageTokeniser(tokenizer, config), bf16=False)


def _spread_sparc(model: PhraseModel) -> Tensor:
    """Give about half of all n-grams a weight; random hidden states are too much alike for random heads to do so.

    Returns hidden states, (tokens, H), that reach beyond those of real texts, so that factors cut off none of them.
    """
    ids = torch.arange(4, 64).view(2, 30)
    with torch.no_grad():
        hidden = model.eval().hidden(ids, torch.ones_like(ids, dtype=torch.bool)).flatten(0, 1)
    for layer in (model.sparc.query, model.sparc.key):
        layer.weight.data = torch.randn_like(layer.weight) / hidden.std(0) / hidden.shape[1] ** 0.5
        layer.bias.data = -layer.weight.data @ hidden.mean(0)
    return hidden.mean(0) + 2.5 * (hidden - hidden.mean(0))


@pytest.fixture(scope="session")
def tiny_encoder_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tiny encoder."""
    folder = tmp_path_factory.mktemp("encoder")
    make_encoder().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tiny_encoder_path: Path) -> PhraseEncoder:
    """The saved tiny encoder, loaded."""
    return PhraseEncoder.from_pretrained(tiny_encoder_path, bf16=False)


@pytest.fixture(scope="session")
def tiny_passage_encoder_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tiny passage encoder: two towers, the first token's vector of 32 dimensions, titles as first segment."""
    folder = tmp_path_factory.mktemp("passage-encoder")
    make_passage_encoder().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_passage_encoder(tiny_passage_encoder_path: Path) -> PassageEncoder:
    """The saved tiny passage encoder, loaded."""
    return PassageEncoder.from_pretrained(tiny_passage_encoder_path, bf16=False)


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of 32 dimensions as a Hugging Face folder, to be read only."""
    from tests.encoder.hf_folder import save_backbone  # which needs this module's tokenizer

    return save_backbone(tmp_path_factory.mktemp("backbone"))
