"""Models of other sizes and architectures build, encode and come back from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.encoded import ParagraphInput
from densephrase.encoder.phrase.model import PhraseModel
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.phrase.row_quantisers import RowQuantisers
from densephrase.encoder.tokens.tokeniser import PhraseTokeniser
from densephrase.errors import EncoderError
from densephrase.quantise.scalar import VectorQuantiser
from tests.conftest import make_encoder, make_tokenizer

PARAGRAPHS = [ParagraphInput("The king was born in London, by the river. " * 3, "Paris"), ParagraphInput("war")]
COMMON = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
BACKBONES: dict[str, dict[str, Any]] = {
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 40},
    "roberta": {**COMMON, "max_position_embeddings": 42, "type_vocab_size": 1},
    "mpnet": {**COMMON, "max_position_embeddings": 42},
    "electra": {**COMMON, "embedding_size": 16, "max_position_embeddings": 40},
    "albert": {**COMMON, "embedding_size": 16, "max_position_embeddings": 40},
}


def build(model_type: str, **changes: Any) -> PhraseEncoder:
    """Return an encoder with fresh weights whose backbone has just enough positions."""
    tokenizer = make_tokenizer()
    backbone = {"model_type": model_type, "vocab_size": tokenizer.get_vocab_size(), **BACKBONES[model_type]}
    sizes = {"vector_size": 24, "coherency_rank": 2, "head_hidden_size": 8, "max_tokens": 40, "window_stride": 16}
    limits = {"max_title_tokens": 4, "max_question_tokens": 16, "cls_token_id": 2, "sep_token_id": 3}
    config = EncoderConfig(backbone, **{**sizes, **limits, "pad_token_id": 1, **changes})
    torch.manual_seed(1)
    row = np.ones(config.row_size, np.float32)
    quantiser = VectorQuantiser(0 * row, 0.05 * row)
    return PhraseEncoder(
        PhraseModel(config), PhraseTokeniser(tokenizer, config), RowQuantisers(quantiser, quantiser), bf16=False
    )


@pytest.mark.parametrize("model_type", BACKBONES)
def test_other_architectures_encode_and_come_back(model_type: str, tmp_path: Path) -> None:
    encoder = build(model_type)
    encoder.save_pretrained(tmp_path, precision="float32")
    loaded = PhraseEncoder.from_pretrained(tmp_path, bf16=False)
    for expected, found in zip(
        encoder.encode_paragraphs(PARAGRAPHS), loaded.encode_paragraphs(PARAGRAPHS), strict=True
    ):
        assert expected.start_codes.shape == (expected.tokens, 26)
        np.testing.assert_array_equal(found.start_codes, expected.start_codes)
        np.testing.assert_array_equal(found.end_codes, expected.end_codes)
    assert encoder.encode_questions(["who", ""]).start.shape == (2, 24)


@pytest.mark.parametrize("model_type", BACKBONES)
def test_windows_longer_than_the_backbone_are_refused(model_type: str) -> None:
    with pytest.raises(EncoderError, match="max_tokens=41 is more than the 40 positions"):
        build(model_type, max_tokens=41)
    with pytest.raises(EncoderError, match="max_question_tokens=41 is more than the 40 positions"):
        build(model_type, max_question_tokens=41)


@pytest.mark.parametrize("vector_size", [8, 32, 50], ids="{} dimensions".format)
@pytest.mark.parametrize("rank", [0, 3], ids="rank {}".format)
@pytest.mark.parametrize("hidden", [0, 5], ids="inner {}".format)
def test_sizes_of_heads(vector_size: int, rank: int, hidden: int, tmp_path: Path) -> None:
    encoder = make_encoder(vector_size=vector_size, coherency_rank=rank, head_hidden_size=hidden)
    encoder.save_pretrained(tmp_path)
    loaded = PhraseEncoder.from_pretrained(tmp_path, bf16=False)
    encoded = loaded.encode_paragraphs(PARAGRAPHS)[0]
    assert encoded.start_codes.shape == encoded.end_codes.shape == (encoded.tokens, vector_size + rank)
    assert loaded.encode_questions(["who was king"]).end.shape == (1, vector_size)
    names = set(loaded._model.state_dict())
    assert ("start_coherency.weight" in names) == (rank > 0)
    assert ("start_head.outer.weight" in names) == (hidden > 0)


def test_new_heads_start_from_the_hidden_state() -> None:
    config = make_encoder().config
    model = PhraseModel(config).eval()
    ids = torch.randint(4, 60, (2, 9))
    mask = torch.ones_like(ids, dtype=torch.bool)
    with torch.inference_mode():
        torch.testing.assert_close(model.encode_text(ids, mask, mask).start[..., :32], model.hidden(ids, mask))


def test_bfloat16_text_is_near_float32(tiny_encoder_path: Path) -> None:
    exact, rounded = (PhraseEncoder.from_pretrained(tiny_encoder_path, bf16=flag) for flag in (False, True))
    for one, other in zip(exact.encode_paragraphs(PARAGRAPHS), rounded.encode_paragraphs(PARAGRAPHS), strict=True):
        assert np.abs(one.start_codes.astype(int) - other.start_codes).max() <= 2
    np.testing.assert_array_equal(exact.encode_questions(["who"]).start, rounded.encode_questions(["who"]).start)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize(("bf16", "most"), [(False, 1), (None, 2)], ids=["float32", "what the device prefers"])
def test_cuda_gives_what_the_cpu_gives(tiny_encoder_path: Path, bf16: bool | None, most: int) -> None:
    here = PhraseEncoder.from_pretrained(tiny_encoder_path, bf16=False)
    there = PhraseEncoder.from_pretrained(tiny_encoder_path, device="cuda", bf16=bf16)
    assert there.device == "cuda"
    for one, other in zip(here.encode_paragraphs(PARAGRAPHS), there.encode_paragraphs(PARAGRAPHS), strict=True):
        assert np.abs(one.start_codes.astype(int) - other.start_codes).max() <= most
    np.testing.assert_allclose(here.encode_questions(["who"]).end, there.encode_questions(["who"]).end, atol=1e-3)
