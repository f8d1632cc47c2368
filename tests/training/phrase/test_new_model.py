"""What a run starts from: a backbone that fits, or an encoder that is trained further."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.files.weights import read_weights
from densephrase.encoder.phrase.phrase_encoder import PhraseEncoder
from densephrase.encoder.tokens.padding import pad_batch
from densephrase.errors import EncoderError, TrainingError
from densephrase.training.data.examples import make_examples
from densephrase.training.loop.checkpoint import CHECKPOINT_FILE
from densephrase.training.phrase.trainer import train
from tests.training.facts import make_facts, make_settings

FACTS = make_facts()
STANDING_STILL = {"max_steps": 1, "learning_rate": 0.0, "sparc_learning_rate": 0.0, "filter_epochs": 0.0}
# The end of a run turns the basis of start and end vectors and of questions alike.
REBALANCED = re.compile(r"((start|end)_head|question_(start|end)\.head)\.(projection|outer)\..*")


def dense_scores(folder: Path) -> Tensor:
    """Return the products of all questions' vectors with all start and end vectors, (2, questions, tokens)."""
    encoder = PhraseEncoder.from_pretrained(folder, bf16=False)
    size = encoder.config.vector_size
    windows = make_examples(FACTS, encoder.tokeniser, 6).windows
    questions = encoder.encode_questions([fact.text for fact in FACTS])
    ids, mask = pad_batch([window.input_ids for window in windows], encoder.config.pad_token_id)
    with torch.inference_mode():
        text = encoder._model.encode_text(ids, mask, mask)
    sides = ((questions.start, text.start), (questions.end, text.end))
    return torch.stack([torch.from_numpy(asked) @ rows[mask][:, :size].T for asked, rows in sides])


def assert_like_scores(found: Tensor, expected: Tensor, share: float = 0.03) -> None:
    """Compare how scores of a question differ: what all have in common may be lost, and weights were rounded."""
    found, expected = (scores - scores.mean(2, keepdim=True) for scores in (found, expected))
    assert (found - expected).std() < share * expected.std()


def test_an_encoder_is_trained_further(whole: Path, backbone: Path, tmp_path: Path) -> None:
    settings = make_settings(whole, **STANDING_STILL)
    train(FACTS, tmp_path / "same", settings)
    before, after = (read_weights(folder)[0] for folder in (whole, tmp_path / "same"))
    assert before.keys() == after.keys()
    for name in before:
        if not name.startswith("quantiser.") and not REBALANCED.fullmatch(name):
            torch.testing.assert_close(after[name], before[name], rtol=1e-6, atol=0)
    assert_like_scores(dense_scores(tmp_path / "same"), dense_scores(whole))
    train(FACTS, tmp_path / "other", replace(settings, learning_rate=1e-3))
    assert not torch.equal(
        read_weights(tmp_path / "other")[0]["start_head.outer.weight"], before["start_head.outer.weight"]
    )


def test_an_encoder_keeps_its_tuned_search_weights_and_loses_its_confidence(whole: Path, tmp_path: Path) -> None:
    PhraseEncoder.from_pretrained(whole).save_pretrained(tmp_path / "tuned")
    fitted = {"open": {"bias": 0.0, "weights": {"margin": 1.0}}}
    replace(EncoderConfig.load(whole), paragraph_weight=0.7, confidence=fitted).save(tmp_path / "tuned")
    train(FACTS, tmp_path / "further", make_settings(tmp_path / "tuned", max_steps=1, max_tokens=36))
    config = EncoderConfig.load(tmp_path / "further")
    assert (config.paragraph_weight, config.max_tokens) == (0.7, 36)
    assert config.confidence == {}


def test_sparc_heads_may_be_added(backbone: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path / "dense", make_settings(backbone, sparc_size=0))
    assert PhraseEncoder.from_pretrained(tmp_path / "dense").sparse_scale is None
    settings = make_settings(tmp_path / "dense", **STANDING_STILL, sparc_size=6, sparc_rank=5)
    train(FACTS, tmp_path / "sparse", settings)
    before, after = (read_weights(tmp_path / name)[0] for name in ("dense", "sparse"))
    added = {"sparc.query.weight", "sparc.query.bias", "sparc.key.weight", "sparc.key.bias"} | {
        f"sparse_factors.{name}" for name in ("query.weight", "query.bias", "key.weight", "key.bias", "scale")
    }
    assert after.keys() - before.keys() == added
    torch.testing.assert_close(after["end_coherency.weight"], before["end_coherency.weight"], rtol=1e-6, atol=0)
    encoder = PhraseEncoder.from_pretrained(tmp_path / "sparse")
    assert (encoder.config.sparc_size, encoder.config.sparc_rank) == (6, 5)
    assert encoder.sparse_scale is not None


def test_sparc_heads_are_kept(whole: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(whole, **STANDING_STILL))
    before, after = (read_weights(folder)[0] for folder in (whole, tmp_path))
    torch.testing.assert_close(after["sparc.key.weight"], before["sparc.key.weight"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0], ids="{} trained".format)
def test_trained_weights_are_mixed_with_those_they_come_from(share: float, whole: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(whole, trained_share=share, max_steps=3, learning_rate=0.01, warmup=0.0))
    ends = load_file(tmp_path / CHECKPOINT_FILE)
    before, after = (read_weights(folder)[0] for folder in (whole, tmp_path))
    for name in ("start_coherency.weight", "question_end.attention.weight"):
        expected = share * ends[f"model.{name}"] + (1 - share) * before[name]
        assert not torch.allclose(ends[f"model.{name}"], before[name], rtol=0.02)
        torch.testing.assert_close(after[name], expected, rtol=0.02, atol=0.02 * float(expected.abs().max()))


def test_weights_without_a_start_are_not_mixed(backbone: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"trained_share=0\.5 mixes .* has no heads; train it without that"):
        train(FACTS, tmp_path / "new", make_settings(backbone, trained_share=0.5))
    train(FACTS, tmp_path / "dense", make_settings(backbone, sparc_size=0, max_steps=1))
    with pytest.raises(TrainingError, match="has no Sparc heads"):
        train(FACTS, tmp_path / "sparse", make_settings(tmp_path / "dense", trained_share=0.5))


def test_vectors_may_be_shortened(whole: Path, tmp_path: Path) -> None:
    train(FACTS, tmp_path, make_settings(whole, **STANDING_STILL, vector_size=16))
    encoder = PhraseEncoder.from_pretrained(tmp_path)
    assert encoder.config.vector_size == 16
    assert encoder.config.row_size == 20
    assert encoder.encode_questions(["who"]).start.shape == (1, 16)
    assert_like_scores(dense_scores(tmp_path), dense_scores(whole), share=0.3)


def test_the_question_mark_is_looked_up_in_the_tokenizer(whole: Path, tmp_path: Path) -> None:
    PhraseEncoder.from_pretrained(whole).save_pretrained(tmp_path / "older")
    expected = EncoderConfig.load(whole).question_mark_id
    assert expected >= 0
    replace(EncoderConfig.load(whole), question_mark_id=-1).save(tmp_path / "older")  # as before there were heads
    train(FACTS, tmp_path / "newer", make_settings(tmp_path / "older", max_steps=1))
    assert EncoderConfig.load(tmp_path / "newer").question_mark_id == expected


@pytest.mark.parametrize("name", ["coherency_rank", "head_hidden_size"])
def test_an_encoder_of_another_size_is_refused(name: str, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=rf"has {name}=\d+, the training settings say 3;"):
        train(FACTS, tmp_path, make_settings(whole, **{name: 3}))


@pytest.mark.parametrize(
    ("changes", "asked"),
    [({"vector_size": 33}, "33 and 8"), ({"sparc_size": 9}, "32 and 9"), ({"sparc_size": 0}, "32 and 0")],
    ids=["longer vectors", "other Sparc heads", "no Sparc heads"],
)
def test_what_an_encoder_has_is_only_shortened_or_added_to(
    changes: dict[str, Any], asked: str, whole: Path, tmp_path: Path
) -> None:
    message = f"has vectors of 32 dimensions and Sparc heads of 8, the training settings ask for {asked}; vectors can"
    with pytest.raises(TrainingError, match=message):
        train(FACTS, tmp_path, make_settings(whole, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_tokens": 65}, "max_tokens=65 is more than the 64 positions"),
        ({"max_tokens": 8, "max_title_tokens": 16}, "window_capacity"),
        ({"backbone": "no/such/folder/at/all"}, "cannot be loaded"),
    ],
    ids=["positions", "title", "backbone"],
)
def test_a_model_that_cannot_be_built_is_named(
    changes: dict[str, Any], message: str, backbone: Path, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError, match=message):
        train(FACTS, tmp_path, replace(make_settings(backbone), **changes))
