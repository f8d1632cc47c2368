"""What a run starts from: a backbone that fits, or an encoder that is trained further."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from densephrase.encoder.config import EncoderConfig
from densephrase.encoder.phrase_encoder import PhraseEncoder
from densephrase.encoder.weights import read_weights
from densephrase.errors import EncoderError, TrainingError
from densephrase.training.trainer import train
from tests.training.facts import make_facts, make_settings

FACTS = make_facts()


def test_an_encoder_is_trained_further(whole: Path, backbone: Path, tmp_path: Path) -> None:
    settings = make_settings(whole, max_steps=1, learning_rate=0.0)
    train(FACTS, tmp_path / "same", settings)
    before, after = (read_weights(folder)[0] for folder in (whole, tmp_path / "same"))
    assert before.keys() == after.keys()
    for name in before:
        if not name.startswith("quantiser."):
            torch.testing.assert_close(after[name], before[name], rtol=1e-6, atol=0)
    train(FACTS, tmp_path / "other", replace(settings, learning_rate=1e-3))
    assert not torch.equal(
        read_weights(tmp_path / "other")[0]["start_head.outer.weight"], before["start_head.outer.weight"]
    )


def test_an_encoder_keeps_its_tuned_search_weights(whole: Path, tmp_path: Path) -> None:
    PhraseEncoder.from_pretrained(whole).save_pretrained(tmp_path / "tuned")
    replace(EncoderConfig.load(whole), paragraph_weight=0.7).save(tmp_path / "tuned")
    train(FACTS, tmp_path / "further", make_settings(tmp_path / "tuned", max_steps=1, max_tokens=36))
    config = EncoderConfig.load(tmp_path / "further")
    assert (config.paragraph_weight, config.max_tokens) == (0.7, 36)


@pytest.mark.parametrize("name", ["vector_size", "coherency_rank", "head_hidden_size"])
def test_an_encoder_of_another_size_is_refused(name: str, whole: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=rf"has {name}=\d+, the training settings say 3;"):
        train(FACTS, tmp_path, make_settings(whole, **{name: 3}))


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
